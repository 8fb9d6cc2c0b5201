"""Signals, the drain, and an upgrade without a refused connection."""

import signal
import socket
import time

from questions import ask, samples
from servers import Gate, Process, http, wait_for
from wire import Wire, query


def just_opened(gate):
    """Starts a gate of the same configuration anew, and returns in the moment at which its socket opens."""
    gate.process = Process([gate.program, "serve", "--config", gate.config], gate.folder / "log")
    while socket.socket().connect_ex(("127.0.0.1", gate.port)):
        assert gate.process.process.poll() is None, gate.process.output()


def test_signals_are_heard_from_the_first_connection_on(tmp_path, postgres):
    """By default each of them ends a process."""
    gate = Gate(tmp_path / "gate", postgres.port)
    unchanged = 'rolegate_reloads_total{result="unchanged",what="config"}'
    before = samples(gate.metrics())[unchanged]
    assert gate.stop() == 0
    for _ in range(8):
        just_opened(gate)
        gate.process.send(signal.SIGHUP)
        wait_for("the reload", lambda: samples(gate.metrics())[unchanged] > before, 5)
        assert gate.stop() == 0
        just_opened(gate)
        assert gate.stop() == 0


def test_sigterm_ends_idle_sessions_and_lets_running_ones_finish(postgres, tmp_path):
    server = Gate(tmp_path, postgres.port)
    with Wire(server.port) as idle, Wire(server.port) as busy:
        idle.login()
        busy.login()
        busy.send(query("select pg_sleep(1), 42"))
        time.sleep(0.3)
        server.process.send(signal.SIGTERM)
        assert idle.message().fields()["C"] == "57P01"
        assert b"42" in busy.until_ready()[1].body
        assert busy.message().fields()["C"] == "57P01"
        server.process.process.wait(10)
    assert server.process.process.returncode == 0


def test_readyz_turns_false_before_sessions_are_refused(postgres, tmp_path):
    server = Gate(tmp_path, postgres.port, extra='[runtime]\ndrain_delay = "1500ms"')
    server.process.send(signal.SIGTERM)
    wait_for("readyz to say no", lambda: http(server.admin, "/readyz")[0] == 503)
    assert ask(server.port, "select 1", "postgres", "postgres")[-1].kind == "Z", "new sessions are still taken"
    server.process.process.wait(10)
    assert server.process.process.returncode == 0


def test_a_second_process_takes_over_the_port(postgres, tmp_path):
    """An upgrade: the new process listens beside the old one, which then drains. No connection is refused in between."""
    shared = "[runtime]\nworkers = 1\nreuse_port = true"
    old = Gate(tmp_path / "old", postgres.port, extra=shared)
    new = Gate(tmp_path / "new", postgres.port, extra=shared, port=old.port)
    assert old.stop() == 0
    for _ in range(20):
        assert ask(new.port, "select 1", "postgres", "postgres")[-1].kind == "Z"
    assert 'rolegate_sessions_opened_total{gate="test"} 20' in new.metrics()
    assert new.stop() == 0
