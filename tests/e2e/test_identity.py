"""Who a session acts as, when the statement that changes it is prepared: running it names no user."""

import pytest
from guide import UNLOAD
from wire import SYNC, Wire, bind, execute, frame, parse, text

SET = "set session authorization analyst"
RUN_IT = {
    "named": ("s", bind("s") + execute()),
    "unnamed": ("", bind() + execute()),
    "closed behind its run": ("s", bind("s") + execute() + frame(b"C", b"S" + text("s"))),
    "replaced behind its run": ("", bind() + execute() + parse("select 1")),
}


@pytest.mark.parametrize("way", RUN_IT)
def test_a_prepared_set_session_authorization_counts_when_it_is_run(demo, way):
    """etl may unload into the other account, analyst may not; the gate hears who it is only after the UNLOAD."""
    name, run = RUN_IT[way]
    with Wire(demo.gate) as wire:
        wire.login("etl", "dev")
        wire.send(parse(SET, name), SYNC)
        wire.until_ready()
        wire.send(run, parse(UNLOAD.replace("venue_pipe_", "prepared_")), bind(), execute(), SYNC)
        errors = [message.fields()["M"] for message in wire.until_ready() if message.kind == "E"]
        assert len(errors) == 1 and errors[0].startswith("RG301"), errors


def test_an_earlier_user_is_forgotten_when_nothing_can_bring_him_back(demo):
    """As drivers do that send everything as an unnamed statement: the next one takes its place."""
    with Wire(demo.gate) as wire:
        wire.login("etl", "dev")
        for sql in (SET, "reset session authorization", UNLOAD.replace("venue_pipe_", "back_again_")):
            wire.send(parse(sql), bind(), execute(), SYNC)
            messages = wire.until_ready()
            assert not [message.fields() for message in messages if message.kind == "E"], sql
