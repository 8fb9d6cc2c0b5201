"""Peers that do not read: the gate holds a bounded buffer and stops reading the other side, and goes on when they read again."""

import re
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from authority import Authority
from fake import WELCOME
from servers import Gate
from wire import SYNC, Wire, bind, execute, frame, parse, query

# What a session whose peer does not read may cost: a buffer of 16 KiB in each direction, those of TLS, and what the allocator adds.
MAX_GROWTH_KIB = 2 * 1024
ROWS = 1_000_000
ROW_BYTES = 480
REFUSED = "copy t from 's3://b/x' iam_role 'bad'"


def peak_kib(gate: Gate) -> int:
    """The most resident memory that the process has held at once since `forget_peak`."""
    status = Path(f"/proc/{gate.process.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def forget_peak(gate: Gate):
    Path(f"/proc/{gate.process.process.pid}/clear_refs").write_text("5")


def relayed(gate: Gate, direction: str) -> int:
    return int(float(re.search(rf'rolegate_relayed_bytes_total{{direction="{direction}",gate="test"}} (\S+)', gate.metrics())[1]))


def stalled(gate: Gate, direction: str) -> int:
    """Waits until nothing passes any more in a direction, and returns what has passed."""
    seen = [-1, relayed(gate, direction)]
    end = time.monotonic() + 30
    while seen[-3:] != [seen[-1]] * 3:
        assert time.monotonic() < end, f"still relaying {direction} after {seen[-1]} bytes"
        time.sleep(0.3)
        seen.append(relayed(gate, direction))
    return seen[-1]


def read_rows(wire: Wire) -> tuple[int, int]:
    """Rows and their bytes up to ReadyForQuery, read in large pieces."""
    rows = total = 0
    pending = bytearray()
    while True:
        piece = wire.sock.recv(1 << 20)
        assert piece, f"closed after {rows} rows"
        pending += piece
        place = 0
        while place + 5 <= len(pending):
            kind, length = struct.unpack_from("!ci", pending, place)
            if place + 1 + length > len(pending):
                break
            place += 1 + length
            if kind == b"D":
                rows, total = rows + 1, total + length
            elif kind == b"Z":
                return rows, total
            else:
                assert kind in b"TC", kind
        del pending[:place]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_client_that_does_not_read_a_large_result_costs_a_bounded_buffer(postgres, start, tmp_path, tls):
    gate = start(postgres.port, gate_extra=Authority(tmp_path / "tls").gate_tls() if tls else "")
    with Wire(gate.port, timeout=60) as reader, Wire(gate.port) as bystander:
        if tls:
            reader.starttls()
        for wire in (reader, bystander):
            wire.login()
        reader.send(query("select 1"))
        reader.until_ready()
        forget_peak(gate)
        before = peak_kib(gate)
        reader.send(query(f"select repeat('x', {ROW_BYTES}) from generate_series(1, {ROWS})"))
        passed = stalled(gate, "to_frontend")
        assert 64 * 1024 < passed < ROWS * ROW_BYTES / 5, "the server is not held back"
        assert peak_kib(gate) - before < MAX_GROWTH_KIB
        bystander.send(query("select 2"))
        assert "".join(message.kind for message in bystander.until_ready()) == "TDCZ"
        # The rest comes, whole, for no more than that.
        rows, total = read_rows(reader)
        assert (rows, total) == (ROWS, ROWS * (4 + 2 + 4 + ROW_BYTES))
        assert peak_kib(gate) - before < MAX_GROWTH_KIB


class Deaf:
    """A backend that lets one client in, and reads and writes only when it is told."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def let_in(self) -> socket.socket:
        connection, _peer = self.listener.accept()
        connection.settimeout(60)
        assert connection.recv(65536)
        connection.sendall(WELCOME)
        return connection


def connect(gate: Gate, deaf: Deaf) -> tuple[Wire, socket.socket]:
    wire = Wire(gate.port, timeout=60)
    backend = []
    thread = threading.Thread(target=lambda: backend.append(deaf.let_in()))
    thread.start()
    assert wire.login()[-1].kind == "Z"
    thread.join()
    return wire, backend[0]


class Writer(threading.Thread):
    """Writes everything, in a thread of its own; an error shows in `finish`."""

    def __init__(self, sock: socket.socket, data: bytes):
        super().__init__(daemon=True)
        self.sock, self.data, self.error = sock, data, None
        self.start()

    def run(self):
        try:
            self.sock.sendall(self.data)
        except OSError as error:
            self.error = error

    def finish(self):
        self.join(60)
        assert not self.is_alive(), "the writer hangs"
        assert self.error is None, self.error


def read_exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(min(1 << 20, count - len(data)))
        assert piece, f"closed after {len(data)} of {count} bytes"
        data += piece
    return bytes(data)


def test_a_backend_that_does_not_read_costs_a_bounded_buffer(start):
    deaf = Deaf()
    gate = start(deaf.port)
    wire, backend = connect(gate, deaf)
    with wire, backend:
        forget_peak(gate)
        before = peak_kib(gate)
        sent = frame(b"d", b"y" * 65536) * 1500
        writer = Writer(wire.sock, sent)
        assert stalled(gate, "to_backend") < len(sent) / 2, "the client is not held back"
        assert writer.is_alive()
        assert peak_kib(gate) - before < MAX_GROWTH_KIB
        assert read_exactly(backend, len(sent)) == sent
        writer.finish()
        assert peak_kib(gate) - before < MAX_GROWTH_KIB


@pytest.mark.parametrize("first", ["frontend", "backend"])
def test_a_blocked_direction_does_not_block_the_other(start, first):
    """Both sides write 60 MB and neither reads; then one alone reads, and gets everything though the other still does not."""
    deaf = Deaf()
    gate = start(deaf.port)
    wire, backend = connect(gate, deaf)
    with wire, backend:
        up, down = frame(b"d", b"u" * 65531) * 960, frame(b"D", b"d" * 65531) * 960
        writers = {"frontend": Writer(backend, down), "backend": Writer(wire.sock, up)}
        stalled(gate, "to_backend")
        stalled(gate, "to_frontend")
        assert all(writer.is_alive() for writer in writers.values()), "both directions should be blocked"
        readers = {"frontend": (wire.sock, down), "backend": (backend, up)}
        second = "backend" if first == "frontend" else "frontend"
        for side in (first, second):
            sock, expected = readers[side]
            assert read_exactly(sock, len(expected)) == expected
            writers[side].finish()
            assert side == second or writers[second].is_alive(), "the other side was to be blocked all the time"


def statement(number: int) -> str:
    """Each fiftieth is refused; the others give back 20 KB."""
    return REFUSED if number % 50 == 7 else f"select {number}, '{'v' * 20_000}'"


def test_a_pipeline_of_60_mb_is_answered_whole(postgres, gate):
    """The client reads nothing until it cannot write any more: the server is held back by its answers, the client by the server."""
    count = 3000
    sent = b"".join(part for number in range(count) for part in (parse(statement(number)), bind(), execute(), SYNC))
    assert len(sent) > 58_000_000
    with Wire(gate.port, timeout=60) as wire:
        wire.login()
        writer = Writer(wire.sock, sent)
        stalled(gate, "to_backend")
        assert writer.is_alive(), "both directions should be blocked"
        for number in range(count):
            messages = wire.until_ready()
            if number % 50 == 7:
                assert messages[0].fields()["C"] == "42501", number
            else:
                assert "".join(message.kind for message in messages) == "12DCZ", number
                assert messages[2].body[6:].startswith(str(number).encode() + struct.pack("!i", 20_000)), number
        writer.finish()


def test_a_pipeline_of_new_carriers_leaves_other_sessions_their_turn(postgres, start):
    """One worker: while it judges 1,000 statements that the cache does not know, a session beside them is answered again and again."""
    gate = start(postgres.port, extra="[runtime]\nworkers = 1\n")
    count = 1000
    sent = b"".join(query(REFUSED.replace("/x", f"/{number}")) for number in range(count))
    with Wire(gate.port, timeout=60) as pipeline, Wire(gate.port, timeout=60) as bystander:
        for wire in (pipeline, bystander):
            wire.login()
        over = threading.Event()

        def read_answers():
            for _answer in range(count):
                pipeline.until_ready()
            over.set()

        threading.Thread(target=read_answers, daemon=True).start()
        pipeline.send(sent)
        turns = 0
        while not over.is_set():
            bystander.send(query("select 1"))
            bystander.until_ready()
            turns += 1
        assert turns > 20, f"{turns} answers beside {count} refusals"
