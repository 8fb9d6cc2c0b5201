"""The socket options of both legs: idle connections are kept alive, small messages are not held back."""

import contextlib
import socket
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake import WELCOME, Fake, Listening
from servers import Gate, wait_for
from shim import copy
from wire import Wire, query

# The idle time after which an AWS Network Load Balancer forgets a connection.
BALANCER_SECONDS = 350


def keepalive_seconds(local: int, remote: int) -> float | None:
    """When the kernel will probe an idle connection of this machine, from its first port to its second; none: never."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        ports = tuple(int(address.split(":")[1], 16) for address in fields[1:3])
        # Source: proc(5), /proc/net/tcp, and get_tcp4_sock() in net/ipv4/tcp_ipv4.c: 2 is keepalive; a tick is 10 ms.
        kind, ticks = fields[5].split(":")
        if ports == (local, remote) and kind == "02":
            return int(ticks, 16) / 100
    return None


def test_idle_connections_are_probed_before_a_load_balancer_forgets_them(tmp_path):
    with Fake() as fake:
        gate = Gate(tmp_path, fake.port)
        with Wire(gate.port) as wire:
            assert wire.login()[-1].kind == "Z"
            frontend = wire.sock.getsockname()[1]
            upstream = [
                tuple(int(part.split(":")[1], 16) for part in line.split()[1:3])
                for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
                if line.split()[2].endswith(f":{fake.port:04X}") and line.split()[3] == "01"
            ]
            assert len(upstream) == 1, "the gate has one connection to the backend"
            assert keepalive_seconds(frontend, gate.port) is None, "the test's own end has no timer: it would be seen"
            for leg in ((gate.port, frontend), upstream[0]):

                def is_probed(leg=leg):
                    return 0 < (keepalive_seconds(*leg) or 0) < BALANCER_SECONDS

                # Just after data the connection's timer is that of its retransmission.
                wait_for(f"a keepalive timer on {leg}", is_probed, 5)
        assert gate.stop() == 0


@dataclass
class Talker(Listening):
    """A backend that answers each statement by two small messages, the second 5 ms after the first; a client does the same."""

    PAUSE = 0.005

    gaps: list = field(default_factory=list)

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(WELCOME)
            while connection.recv(len(query("first")), socket.MSG_WAITALL) == query("first"):
                began = time.monotonic()
                connection.recv(len(query("second")), socket.MSG_WAITALL)
                self.gaps.append(time.monotonic() - began)
                connection.sendall(WELCOME[:9])
                time.sleep(self.PAUSE)
                connection.sendall(WELCOME[9:])


def gaps(port: int, talker: Talker) -> tuple[float, float]:
    """The usual time between the two halves of what is sent, as it arrives at the client and at the backend."""
    downwards = []
    with Wire(port) as wire:
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.login()
        talker.gaps.clear()
        for _round in range(30):
            wire.send(query("first"))
            time.sleep(Talker.PAUSE)
            wire.send(query("second"))
            wire.exactly(9)
            began = time.monotonic()
            wire.exactly(len(WELCOME) - 9)
            downwards.append(time.monotonic() - began)
    return statistics.median(downwards), statistics.median(talker.gaps)


@dataclass
class Nagle(Listening):
    """A relay with sockets as they are made, with Nagle's algorithm: it holds small data back until what it sent is confirmed."""

    upstream: int

    def _serve(self, frontend):
        backend = socket.create_connection(("127.0.0.1", self.upstream))
        for pair in ((frontend, backend), (backend, frontend)):
            threading.Thread(target=copy, args=pair, daemon=True).start()


@pytest.mark.alone
def test_small_messages_are_not_held_back(tmp_path):
    talker = Talker()
    slow = gaps(Nagle(talker.port).port, talker)
    gate = Gate(tmp_path, talker.port)
    through = gaps(gate.port, talker)
    assert gate.stop() == 0
    assert min(slow) > 0.025, "with Nagle's algorithm a message waits for a delayed acknowledgement, which takes 40 ms"
    assert max(through) < 0.02, f"with the gate: {through}, with a relay that holds back: {slow}"
