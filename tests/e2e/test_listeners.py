"""Where a gate listens: Unix sockets, several gates, sockets that systemd hands over, load balancers that name the client."""

import re
import signal
import socket
import struct
import subprocess

from authority import Authority
from questions import ask
from servers import BIN, Gate, free_port
from wire import Wire, query


def test_a_unix_socket(postgres, tmp_path):
    """For clients on the same machine: without TLS even where it is required, and gone from the file system afterwards."""
    path = tmp_path / ".s.PGSQL.5439"
    tls = Authority(tmp_path / "ca").gate_tls() + "required = true"
    server = Gate(tmp_path / "gate", postgres.port, gate_extra=f'unix_socket = "{path}"\n{tls}')
    command = ["psql", "-X", "-A", "-t", "-h", str(tmp_path), "-p", "5439", "-U", "postgres", "postgres", "-c", "select 41 + 1", "-c", REFUSED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "42\n" and "RG101" in done.stderr, done
    assert [row["client_address"] for row in server.verdicts()] == [None]
    assert server.stop() == 0 and not path.exists()


def test_several_gates_in_one_process(postgres, tmp_path):
    """Each with a name, an address and limits of its own."""
    other = free_port()
    second = f'''
[[gate]]
name = "other"
listen = "127.0.0.1:{other}"
dialect = "postgresql"
limits = {{ max_sessions = 1 }}
[gate.upstream]
address = "127.0.0.1:{postgres.port}"
tls = "disable"
'''
    gate = Gate(tmp_path, postgres.port, tls='tls = "disable"' + second)
    with Wire(gate.port) as one, Wire(other) as two, Wire(other) as three, Wire(gate.port) as four:
        assert [wire.login()[-1].kind for wire in (one, two, three, four)] == ["Z", "Z", "E", "Z"]
    assert 'rolegate_sessions_refused_total{gate="other",reason="limit_total"} 1' in gate.metrics()
    assert gate.stop() == 0


def test_a_socket_that_systemd_hands_over(postgres, tmp_path):
    """Socket activation: descriptor 3 is used for the gate that listens on its address, and a stranger's is refused."""

    def start(listener, config, **options):
        script = f'exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        command = ["bash", "-c", script, "bash", BIN / "rolegate", "serve", "--config", config]
        return subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True, **options)

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as stranger:
        port = listener.getsockname()[1]
        config = tmp_path / "rolegate.toml"
        upstream = f'[gate.upstream]\naddress = "127.0.0.1:{postgres.port}"\ntls = "disable"\n'
        config.write_text(f'[admin]\nlisten = "127.0.0.1:{free_port()}"\n[[gate]]\nname = "g"\nlisten = "127.0.0.1:{port}"\n{upstream}')
        process = start(listener, config)
        # The kernel takes connections from the start; nobody has to wait for the gate.
        for _ in range(8):
            assert ask(port, "select 1", "postgres", "postgres")[-1].kind == "Z"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 0
        config.write_text(config.read_text().replace(f":{port}", f":{free_port()}"))
        refused = start(stranger, config)
        _, said = refused.communicate(timeout=10)
        assert refused.returncode == 2 and f"127.0.0.1:{stranger.getsockname()[1]}" in said, said


REFUSED = "copy t from 's3://b/x' iam_role 'bad'"


def test_a_load_balancer_names_the_client(postgres, tmp_path):
    """PROXY protocol, both versions, from a trusted network: the log, the audit and the limits are about the client."""
    binary = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + struct.pack("!H", 12) + bytes([192, 0, 2, 8, 10, 0, 0, 1]) + struct.pack("!HH", 4000, 5439)
    headers = {"192.0.2.7": b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 5439\r\n", "192.0.2.8": binary}
    server = Gate(tmp_path, postgres.port, gate_extra='proxy_protocol_from = ["127.0.0.0/8"]\nlimits = { max_sessions_per_address = 1 }')
    for header in headers.values():
        with Wire(server.port) as wire, Wire(server.port) as second:
            wire.send(header)
            assert wire.login()[-1].kind == "Z"
            wire.send(query(REFUSED))
            wire.until_ready()
            second.send(header)
            assert second.login()[-1].fields()["C"] == "53300"
    with Wire(server.port) as wire:
        try:
            answer = wire.login()
        except (EOFError, ConnectionError):
            answer = []
        assert answer == [], "a connection without the header is closed"
    assert server.stop() == 0
    assert [row["client_address"] for row in server.verdicts()] == list(headers)
    assert "client=192.0.2.7:4660" in re.sub(r"\x1b\[\d*m", "", server.process.output())
