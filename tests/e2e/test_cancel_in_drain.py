"""A drain waits for running statements, and until the last of them is over they can be canceled."""

import contextlib
import signal
import struct
import time

import pytest
from servers import Gate, http, wait_for
from wire import Wire, query

CANCEL_REQUEST_CODE = 80877102


@pytest.fixture
def draining(postgres, tmp_path):
    """A gate in a drain that a long statement holds up, and the session that runs it."""
    gate = Gate(tmp_path, postgres.port, extra='[runtime]\nworkers = 2\ndrain_timeout = "30s"')
    with Wire(gate.port, timeout=20) as session:
        session.login()
        session.send(query("select pg_sleep(60)"))
        gate.process.send(signal.SIGTERM)
        wait_for("the drain", lambda: http(gate.admin, "/readyz")[0] == 503)
        # The listeners are told a moment later.
        time.sleep(0.3)
        yield gate, session


def test_a_statement_is_canceled_and_the_drain_is_over(draining):
    gate, session = draining
    began = time.monotonic()
    # With two workers connections meet the one that has no session too. Once the session is over, nobody listens.
    for _ in range(4):
        with contextlib.suppress(ConnectionError), Wire(gate.port) as cancel:
            cancel.send(struct.pack("!ii", 16, CANCEL_REQUEST_CODE) + session.key)
            cancel.sock.recv(1)
    messages = session.until_ready()
    assert [message.fields()["C"] for message in messages if message.kind == "E"] == ["57014"]
    # Idle now, so the drain ends it.
    assert session.message().fields()["C"] == "57P01"
    assert gate.process.process.wait(10) == 0
    assert time.monotonic() - began < 10


def test_a_new_session_is_told_to_connect_again(draining):
    gate, session = draining
    for _ in range(4):
        with Wire(gate.port) as late:
            fields = late.login()[-1].fields()
            assert (fields["S"], fields["C"]) == ("FATAL", "57P01")
    with Wire(gate.port) as cancel:
        cancel.send(struct.pack("!ii", 16, CANCEL_REQUEST_CODE) + session.key)
        cancel.sock.recv(1)
    assert gate.process.process.wait(10) == 0
