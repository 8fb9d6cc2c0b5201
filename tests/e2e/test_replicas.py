"""Two gates behind one HAProxy: a cancel request that arrives at the other one still ends the statement."""

import struct
import time

from servers import Gate, Process, free_port
from wire import Wire, query


def test_a_cancel_at_another_replica(postgres, tmp_path):
    gates = [Gate(tmp_path / name, postgres.port) for name in ("a", "b")]
    port = free_port()
    servers = "\n".join(f"  server g{number} 127.0.0.1:{gate.port}" for number, gate in enumerate(gates))
    (tmp_path / "haproxy.cfg").write_text(
        f"defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"listen gates\n  bind 127.0.0.1:{port}\n  balance roundrobin\n{servers}\n"
    )
    balancer = Process(["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], tmp_path / "log")
    try:
        balancer.wait_listening(port)
        for _round in range(4):
            with Wire(port) as wire:
                wire.login()
                wire.send(query("select pg_sleep(30)"))
                time.sleep(0.3)
                with Wire(port) as other:
                    other.send(struct.pack("!ii", 16, 80877102) + wire.key)
                    assert other.sock.recv(1) == b""
                assert [m.fields()["C"] for m in wire.until_ready() if m.kind == "E"] == ["57014"]
        taken = [sum(float(line.split()[-1]) for line in gate.metrics().splitlines() if line.startswith("rolegate_cancels_total")) for gate in gates]
        opened = [sum(float(line.split()[-1]) for line in gate.metrics().splitlines() if line.startswith("rolegate_sessions_opened_total")) for gate in gates]
        assert sum(taken) == sum(opened) == 4
        assert max(abs(a - b) for a, b in zip(taken, opened, strict=True)) > 0, "at least one cancel came to the other gate"
    finally:
        balancer.stop()
    assert [gate.stop() for gate in gates] == [0, 0]
