"""A proxy between the gate and a PostgreSQL that breaks connections as their client asks for, and reads what goes up.

A client names its fault in `application_name`, as `fault=reset,down,1234`: after 1,234 bytes towards the client the
connection is reset. So a fault is a matter of the seed alone, whatever the order in which connections come. Where TLS hides that
from the proxy, `plans` gives every connection the next one.
"""

import contextlib
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

# A statement with this in it must never get here. The gate refuses every one that the harness makes.
FORBIDDEN = b"forbidden-"

FAULTS = ("kill", "reset", "silent", "half_open", "slow", "garbage")

CHUNK = 16 * 1024


@dataclass(frozen=True)
class Plan:
    """What happens to a connection, and after how many bytes in which direction (`up`: to the server)."""

    fault: str
    direction: str
    after: int

    def application_name(self) -> str:
        return f"fault={self.fault},{self.direction},{self.after}"

    @staticmethod
    def read(startup: bytes) -> "Plan | None":
        found = re.search(rb"application_name\0fault=(\w+),(up|down),(\d+)\0", startup)
        return Plan(found[1].decode(), found[2].decode(), int(found[3])) if found else None


def reset(sock: socket.socket):
    """Closes with RST instead of FIN."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(sock)


def close(sock: socket.socket):
    """Closes, and wakes a thread that reads from it."""
    with contextlib.suppress(OSError):
        # With SO_LINGER set, shutdown would send FIN before close can send RST.
        if not struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0]:
            sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class Link:
    """One connection: two threads, one for each direction."""

    def __init__(self, proxy: "FaultProxy", gate: socket.socket, server: socket.socket):
        self.proxy, self.gate, self.server = proxy, gate, server
        self.plan: Plan | None = None
        self.passed = {"up": 0, "down": 0}
        self.stuck = threading.Event()
        self.over = threading.Event()
        self.slow = False
        self.running = 2

    def start(self):
        for source, target, direction in ((self.gate, self.server, "up"), (self.server, self.gate, "down")):
            threading.Thread(target=self.pump, args=(source, target, direction), daemon=True).start()

    def pump(self, source, target, direction):
        try:
            tail = b""
            while not self.over.is_set() and (data := source.recv(CHUNK)):
                if direction == "up":
                    if not self.passed["up"]:
                        self.plan = self.proxy.next_plan() or Plan.read(data)
                    tail += data
                    self.proxy.look(tail)
                    tail = tail[-len(FORBIDDEN) :]
                self.pass_on(data, target, direction)
            if not self.stuck.is_set():
                target.shutdown(socket.SHUT_WR)
        except OSError:
            self.end()
        finally:
            self.stopped()

    def pass_on(self, data, target, direction):
        if self.stuck.is_set():
            self.over.wait()
            return
        before = self.passed[direction]
        self.passed[direction] += len(data)
        due = self.plan and self.plan.direction == direction and before <= self.plan.after < self.passed[direction]
        if due:
            target.sendall(data[: self.plan.after - before])
            self.strike(self.plan.fault)
            data = data[self.plan.after - before :]
        if self.stuck.is_set():
            self.over.wait()
        elif self.slow:
            self.dribble(data, target)
        else:
            target.sendall(data)

    def strike(self, fault):
        self.proxy.count(fault)
        match fault:
            case "kill":
                self.end()
            case "reset":
                reset(self.gate)
                self.end()
            case "silent":
                self.hold()
            case "half_open":
                close(self.server)
                self.hold()
            case "slow":
                self.slow = True
            case "garbage":
                self.gate.sendall(b"\xff\x00\x00\x00\x00")
            case _:
                raise ValueError(f"{fault} is no fault; there are {FAULTS}")

    def hold(self):
        self.stuck.set()
        self.proxy.held(self)

    def dribble(self, data, target):
        """Seven bytes at a time, so that frames come in parts; a long piece is not made to last for ever."""
        for start in range(0, min(len(data), 700), 7):
            target.sendall(data[start : min(start + 7, 700)])
            time.sleep(0.001)
        target.sendall(data[700:])

    def end(self):
        self.over.set()
        close(self.gate)
        close(self.server)

    def stopped(self):
        self.running -= 1
        if self.running == 0:
            self.end()
            self.proxy.forget(self)


@dataclass
class FaultProxy:
    """Listens on a port of its own in front of the server on `upstream`."""

    upstream: int
    plans: list = field(default_factory=list)
    injected: dict = field(default_factory=dict)
    seen: list = field(default_factory=list)

    def __post_init__(self):
        self.lock = threading.Lock()
        self.links, self.stuck = set(), []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                gate, _peer = self.listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.upstream))
                except OSError:
                    close(gate)
                    continue
                link = Link(self, gate, server)
                with self.lock:
                    self.links.add(link)
                link.start()

    def next_plan(self) -> Plan | None:
        with self.lock:
            return self.plans.pop(0) if self.plans else None

    def count(self, fault):
        with self.lock:
            self.injected[fault] = self.injected.get(fault, 0) + 1

    def look(self, data: bytes):
        if FORBIDDEN in data:
            with self.lock:
                self.seen.append(data)

    def held(self, link):
        with self.lock:
            self.stuck.append(link)

    def heal(self):
        """Ends the connections that are silent."""
        with self.lock:
            stuck, self.stuck = self.stuck, []
        for link in stuck:
            link.end()

    def silence(self):
        """Every connection that is open goes silent, whatever its client has asked for."""
        with self.lock:
            links = list(self.links)
        for link in links:
            link.hold()

    def forget(self, link):
        with self.lock:
            self.links.discard(link)

    def open(self) -> int:
        with self.lock:
            return len(self.links)

    def stop(self):
        close(self.listener)
        with self.lock:
            links = list(self.links)
        for link in links:
            link.end()
