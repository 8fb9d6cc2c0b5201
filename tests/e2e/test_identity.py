"""Who a session acts as, when the statement that changes it is prepared: running it names no user."""


import pytest
from fake import READY, WELCOME, Fake
from guide import UNLOAD, A
from servers import Demo, wait_for
from wire import SYNC, Wire, bind, execute, frame, parse, query, text

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


RULES = """@id("all") permit (principal, action, resource);
@id("analyst") forbid (principal == Rolegate::User::"analyst", action, resource);
"""


def reported(user: str) -> bytes:
    return frame(b"S", text("session_authorization") + text(user))


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_prepared_statement_is_judged_again_for_another_user(tmp_path, start, pipelined):
    """A server that reports the session's user, as Redshift and PostgreSQL do and the stand-in does not."""
    rules = tmp_path / "rules.cedar"
    rules.write_text(RULES)
    with Fake([WELCOME + reported("etl"), frame(b"1") + READY, reported("analyst") + frame(b"C", text("SET")) + READY]) as server:
        gate = start(server.port, extra=f'[policy]\nrules = ["{rules}"]\n', dialect="redshift")
        with Wire(gate.port) as wire:
            wire.login("etl", "dev")
            wire.send(parse(f"copy t from 's3://b/x' iam_role '{A}'", "u"), SYNC)
            assert [message.kind for message in wire.until_ready()] == ["S", "1", "Z"]
            run = bind("u") + execute() + SYNC
            if pipelined:
                wire.send(query(SET), run)
            else:
                wire.send(query(SET))
                wire.until_ready()
                wire.send(run)
            wait_for("the second Sync", lambda: server.received.count(SYNC) == 2)
        assert b"iam_role" in server.received and bind("u") not in server.received, bytes(server.received)


def test_an_earlier_user_is_forgotten_when_nothing_can_bring_him_back(demo):
    """As drivers do that send everything as an unnamed statement: the next one takes its place."""
    with Wire(demo.gate) as wire:
        wire.login("etl", "dev")
        for sql in (SET, "reset session authorization", UNLOAD.replace("venue_pipe_", "back_again_")):
            wire.send(parse(sql), bind(), execute(), SYNC)
            messages = wire.until_ready()
            assert not [message.fields() for message in messages if message.kind == "E"], sql


def test_a_portal_counts_until_its_transaction_ends(tmp_path, start):
    """Bound from a statement that is closed before a Sync within a transaction, and run behind it."""
    rules = tmp_path / "rules.cedar"
    rules.write_text(RULES)
    in_transaction = frame(b"Z", b"T")
    with Fake([WELCOME + reported("etl"), frame(b"C", text("BEGIN")) + in_transaction, in_transaction]) as server:
        gate = start(server.port, extra=f'[policy]\nrules = ["{rules}"]\n', dialect="redshift")
        with Wire(gate.port) as wire:
            wire.login("etl", "dev")
            wire.send(query("begin"))
            wire.until_ready()
            wire.send(parse(SET, "s"), bind("s", "p"), frame(b"C", b"S" + text("s")), SYNC)
            wire.until_ready()
            wire.send(execute("p"), parse(f"copy t from 's3://b/x' iam_role '{A}'"), bind(), execute(), SYNC)
            wait_for("the second Sync", lambda: server.received.count(SYNC) == 2)
        assert b"iam_role" not in server.received, bytes(server.received)


def test_the_principal_follows_set_session_authorization(tmp_path):
    """Before the server has answered, the stricter of both users counts; the audit shows who is who."""
    server = Demo(tmp_path)
    unload = UNLOAD.replace("venue_pipe_", "as_analyst_")
    with Wire(server.gate) as wire:
        wire.login("etl", "dev")
        wire.send(query(f"set session authorization analyst; {unload}"))
        error = wire.until_ready()[0].fields()
        assert error["M"].startswith("RG301"), error
        wire.send(query(unload))
        assert wire.until_ready()[-1].body == b"I"
    named = lambda: [record for record in server.verdicts() if "as_analyst_" in record["statement"]]  # noqa: E731
    wait_for("the audit record", named)
    record = named()[0]
    assert (record["user"], record["login_user"], record["verdict"]) == ("analyst", "etl", "reject")
    assert server.stop() == 0
