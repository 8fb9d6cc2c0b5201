"""Limits of a gate, each with its SQLSTATE and its metric; and floods of cancel requests. Limits by user and address, on time and
on statements stand in test_session_limits.py and test_wire.py.
"""

import contextlib
import re
import signal
import socket
import statistics
import struct
import threading
import time
from dataclasses import dataclass, field

import pytest
from authority import Authority
from fake import WELCOME, Fake
from servers import Gate, wait_for
from wire import SSL_REQUEST, Wire, frame, query, startup

CANCEL_CODE = struct.pack("!i", 80877102)
CANCEL_REQUEST = struct.pack("!i", 16) + CANCEL_CODE + struct.pack("!ii", 1, 2)


@pytest.fixture
def before(tmp_path):
    """Makes gates and ends them."""
    gates = []

    def make(port, gate_extra="", **settings):
        gates.append(Gate(tmp_path / str(len(gates)), port, gate_extra=gate_extra, **settings))
        return gates[-1]

    yield make
    assert [gate.stop() for gate in gates] == [0] * len(gates)


def refused(gate, reason) -> int:
    """How many sessions the gate has refused for this reason."""
    return int(re.search(rf'^rolegate_sessions_refused_total{{gate="test",reason="{reason}"}} (\d+)$', gate.metrics(), re.MULTILINE)[1])


def is_ready(gate) -> bool:
    with Wire(gate.port) as wire, contextlib.suppress(EOFError, ConnectionError):
        return wire.login()[-1].kind == "Z"
    return False


def test_sessions_in_total(before, postgres):
    gate = before(postgres.port, "limits = { max_sessions = 2 }")
    with Wire(gate.port) as one, Wire(gate.port) as two:
        assert [one.login()[-1].kind, two.login()[-1].kind] == ["Z", "Z"]
        with Wire(gate.port) as three:
            fields = three.login()[-1].fields()
            assert (fields["S"], fields["C"]) == ("FATAL", "53300") and "2" in fields["M"]
    assert refused(gate, "limit_total") == 1
    wait_for("the seats", lambda: is_ready(gate))


def test_connections_that_are_not_authenticated(before):
    """Those above the limit are closed without a word; who is let in, or goes, makes room."""
    with Fake() as fake:
        gate = before(fake.port, "limits = { max_unauthenticated = 2 }")
        # The gate's own start was waited for with a connection.
        wait_for("an empty gate", lambda: is_ready(gate))
        with Wire(gate.port) as one, Wire(gate.port) as two:
            # An answer shows that a connection counts: one in the listener's queue does not yet, and a third could come before it.
            for wire in (one, two):
                wire.send(SSL_REQUEST)
                assert wire.exactly(1) == b"N"
            wait_for("both to count", lambda: not is_ready(gate))
            with Wire(gate.port) as three:
                assert three.sock.recv(1) == b""
            assert refused(gate, "limit_unauthenticated") >= 2
            one.sock.close()
            wait_for("the room that the first has left", lambda: is_ready(gate))
            with Wire(gate.port) as session:
                assert session.login()[-1].kind == "Z"
                assert is_ready(gate), "a session that was let in takes up no room"


@pytest.mark.alone
def test_connecting_to_the_backend_is_bounded(before):
    """A backend whose queue of connections is full answers nothing at all to a further one."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        gate = before(address[1], tls='tls = "disable"\nconnect_timeout = "500ms"')
        with Wire(gate.port) as wire:
            began = time.monotonic()
            fields = wire.login()[-1].fields()
            assert (fields["S"], fields["C"]) == ("FATAL", "08006")
            assert 0.4 < time.monotonic() - began < 3
        assert 'rolegate_upstream_errors_total{gate="test",reason="timeout"} 1' in gate.metrics()
        for one in waiting:
            one.close()


def test_refusals_at_startup_are_counted(before, postgres, tmp_path):
    gate = before(postgres.port, Authority(tmp_path / "authority").gate_tls())
    assert (refused(gate, "tls"), refused(gate, "startup")) == (0, 0)
    with Wire(gate.port) as wire:
        wire.send(SSL_REQUEST)
        assert wire.exactly(1) == b"S"
        wire.send(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while wire.sock.recv(4096):
                pass
    with Wire(gate.port) as wire:
        assert wire.login(replication="database")[-1].fields()["C"] == "0A000"
    wait_for("both to be counted", lambda: (refused(gate, "tls"), refused(gate, "startup")) == (1, 1))


def closed(gate, reason) -> int:
    """How many sessions have ended for this reason."""
    return int(re.search(rf'^rolegate_sessions_closed_total{{gate="test",reason="{reason}"}} (\d+)$', gate.metrics(), re.MULTILINE)[1])


def test_ends_by_limits_on_time_are_counted(before):
    """A connection that says nothing, a login that is not finished, a session in which nothing happens."""
    question = frame(b"R", struct.pack("!i", 3))
    with Fake([question, WELCOME]) as fake:
        gate = before(fake.port, 'limits = { startup_timeout = "500ms", idle_timeout = "600ms" }')
        with Wire(gate.port) as silent, Wire(gate.port) as unfinished, Wire(gate.port) as idle:
            unfinished.send(startup())
            assert unfinished.message().kind == "R"
            assert idle.login()[-1].kind == "Z"
            assert idle.message().fields()["C"] == "57P05"
            assert unfinished.message().fields()["C"] == "57014"
            assert silent.sock.recv(1) == b""
        wait_for("all three to be counted", lambda: (refused(gate, "startup"), closed(gate, "limit")) == (1, 2))


def test_a_session_that_begins_during_a_drain(before, postgres):
    """It was connected when the drain began; 57P01 is what PostgreSQL says while it shuts down."""
    gate = before(postgres.port)
    with Wire(gate.port) as busy, Wire(gate.port) as idle, Wire(gate.port) as late:
        assert [busy.login()[-1].kind, idle.login()[-1].kind] == ["Z", "Z"]
        busy.send(query("select pg_sleep(2)"))
        # Accepted: the gate has said something on it.
        late.send(SSL_REQUEST)
        assert late.exactly(1) == b"N"
        gate.process.send(signal.SIGTERM)
        assert idle.message().fields()["C"] == "57P01", "the drain has begun"
        fields = late.login()[-1].fields()
        assert (fields["S"], fields["C"]) == ("FATAL", "57P01")
        assert refused(gate, "drain") == 1
        assert [message.kind for message in busy.until_ready()] == ["T", "D", "C", "Z"]


@dataclass
class Holding(Fake):
    """Never closes the connection of a cancel request, and counts them."""

    cancels: int = 0
    held: list = field(default_factory=list)

    def _serve(self, connection):
        if connection.recv(8, socket.MSG_PEEK | socket.MSG_WAITALL)[4:] == CANCEL_CODE:
            self.cancels += 1
            self.held.append(connection)
        else:
            super()._serve(connection)


def cancels(gate, result) -> int:
    """How many cancel requests have ended like this."""
    found = re.search(rf'^rolegate_cancels_total{{gate="test",result="{result}"}} (\d+)$', gate.metrics(), re.MULTILINE)
    return int(found[1]) if found else 0


def test_cancel_requests_open_a_bounded_number_of_connections(before):
    """To a backend that does not take them; a session beside them goes on, and new ones are let in."""
    with Holding([WELCOME, WELCOME[-6:]]) as backend:
        gate = before(backend.port, "limits = { max_unauthenticated = 20, max_cancels = 20 }")
        with Wire(gate.port) as session:
            assert session.login()[-1].kind == "Z"
            flood = []
            for number in range(60):
                flood.append(Wire(gate.port))
                with contextlib.suppress(ConnectionError):
                    flood[-1].send(CANCEL_REQUEST)
                # One at a time, so that no connection waits among those that have not said anything yet.
                wait_for("the cancel request", lambda said=number + 1: backend.cancels + cancels(gate, "refused") == said)
            assert (backend.cancels, cancels(gate, "refused")) == (20, 40)
            session.send(query("select 1"))
            assert session.until_ready()[-1].kind == "Z"
            assert is_ready(gate), "a new session beside them"
            for wire in flood:
                wire.sock.close()
        wait_for("those whose clients have gone to end", lambda: cancels(gate, "forwarded") == 20)


def send_cancels(port: int, until: threading.Event, sent: list):
    """Cancel requests with a key that nobody has, one after another, none waited for."""
    connections = []
    while not until.is_set():
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.sendall(CANCEL_REQUEST)
            connections.append(connection)
            sent.append(1)
        if len(connections) > 100:
            connections.pop(0).close()


@pytest.mark.alone
def test_a_flood_of_cancel_requests_does_not_stop_sessions(before, postgres):
    """A session beside it is answered, and afterwards all is as before."""
    gate = before(postgres.port, "limits = { max_unauthenticated = 50 }")
    done, sent, took = threading.Event(), [], []
    flood = [threading.Thread(target=send_cancels, args=(gate.port, done, sent)) for _ in range(4)]
    with Wire(gate.port) as session:
        assert session.login()[-1].kind == "Z"
        for one in flood:
            one.start()
        try:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                began = time.monotonic()
                session.send(query("select 42"))
                assert [message.kind for message in session.until_ready()] == ["T", "D", "C", "Z"]
                took.append(time.monotonic() - began)
        finally:
            done.set()
            for one in flood:
                one.join()
        assert len(sent) > 500, "a flood"
        assert statistics.median(took) < 0.5, f"{len(sent)} cancel requests, {len(took)} statements, the slowest in {max(took):.3f} s"
        wait_for("a new session", lambda: is_ready(gate), 10)
