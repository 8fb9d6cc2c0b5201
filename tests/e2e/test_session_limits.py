"""Limits by user, by address and on time; a backend that cannot be reached."""


import socket
import time

from questions import ask
from servers import Gate, free_port, wait_for
from wire import Wire, query


def test_limits_by_user_and_address(postgres, tmp_path):
    limits = "limits = { max_sessions_per_user = 1, max_sessions_per_address = 2 }"
    server = Gate(tmp_path, postgres.port, gate_extra=limits)
    ask(postgres.port, "create user second superuser; create user third superuser", "postgres", "postgres")
    with Wire(server.port) as one, Wire(server.port) as two, Wire(server.port) as three, Wire(server.port) as four:
        assert one.login()[-1].kind == "Z"
        refused = two.login()[-1].fields()
        assert (refused["S"], refused["C"]) == ("FATAL", "53300") and "postgres" in refused["M"]
        assert three.login("second", "postgres")[-1].kind == "Z"
        refused = four.login("third", "postgres")[-1].fields()
        assert refused["C"] == "53300" and "127.0.0.1" in refused["M"]
    wait_for("the seats", lambda: server.metrics().count('reason="client"} 2') == 1)
    assert ask(server.port, "drop user second; drop user third", "postgres", "postgres")[-1].kind == "Z"
    shown = server.metrics()
    for reason in ("limit_user", "limit_address"):
        assert f'rolegate_sessions_refused_total{{gate="test",reason="{reason}"}} 1' in shown
    assert server.stop() == 0


def test_limits_on_time(postgres, tmp_path):
    limits = 'limits = { idle_timeout = "400ms", session_lifetime = "3s", startup_timeout = "500ms" }'
    server = Gate(tmp_path, postgres.port, gate_extra=limits)
    with Wire(server.port) as idle, Wire(server.port) as busy, Wire(server.port) as silent:
        idle.login()
        busy.login()
        busy.send(query("begin"))
        busy.until_ready()
        assert idle.message().fields()["C"] == "57P05"
        assert silent.sock.recv(1) == b"", "a connection that says nothing is closed"
        time.sleep(3)
        busy.send(query("commit"))
        busy.until_ready()
        assert busy.message().fields()["C"] in ("57P01", "57P05"), "a transaction is never cut short"
    assert server.stop() == 0


def test_the_time_for_authentication_is_bounded(tmp_path):
    """A backend that never answers a start-up packet."""

    with socket.create_server(("127.0.0.1", 0)) as backend:
        server = Gate(tmp_path, backend.getsockname()[1], gate_extra='limits = { startup_timeout = "500ms" }')
        with Wire(server.port) as wire:
            refused = wire.login()[-1].fields()
            assert (refused["S"], refused["C"]) == ("FATAL", "57014")
        assert server.stop() == 0


def test_an_unreachable_backend_is_told(tmp_path):
    server = Gate(tmp_path, free_port())
    with Wire(server.port) as wire:
        messages = wire.login()
        assert messages[-1].fields()["C"] == "08006"
        assert messages[-1].fields()["S"] == "FATAL"
    assert server.stop() == 0
