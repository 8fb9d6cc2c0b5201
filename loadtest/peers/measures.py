"""What is measured of one proxy. Each measure drives it for a while and returns its figures by name."""

import os
import re
import socket
import ssl
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from proxies import PG_BIN

# ReadyForQuery, idle: the last bytes of every answer.
READY = b"Z\x00\x00\x00\x05I"


@dataclass
class Settings:
    """How long and how much; the same for every proxy of a run."""

    seconds: float
    idle: int
    repeats: int
    folder: Path
    # Transactions per second of the latency measure, set from the slowest proxy's saturation.
    rate: float = 0


def cpu_seconds(pid: int | None) -> float:
    """CPU time of all threads, in the scheduler's nanoseconds (/proc/PID/task/*/schedstat, first field)."""
    if pid is None:
        return 0.0
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def resident_kib(pid: int) -> int:
    """VmRSS in KiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def pgbench(proxy, tls: bool, *arguments: str) -> tuple[int, float]:
    """Runs pgbench; returns transactions done and transactions per second."""
    env = {**os.environ, "PGSSLMODE": "require" if tls and proxy.client_tls else "disable", "PGGSSENCMODE": "disable"}
    command = [PG_BIN / "pgbench", "-h", "127.0.0.1", "-p", str(proxy.port), "-U", "postgres", "-n", "-S", "-j", "1", *arguments, "postgres"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, f"pgbench through {proxy.name}: {done.stderr}"
    count = int(re.search(r"transactions actually processed: (\d+)", done.stdout)[1])
    return count, float(re.search(r"tps = ([\d.]+)", done.stdout)[1])


def transactions(proxy, tls: bool, settings: Settings, mode: str, clients: int) -> dict[str, float]:
    """A closed loop of pgbench -S: CPU time of the proxy for each transaction, and throughput."""
    before = cpu_seconds(proxy.pid)
    count, rate = pgbench(proxy, tls, "-M", mode, "-c", str(clients), "-T", str(max(1, round(settings.seconds))))
    spent = cpu_seconds(proxy.pid) - before
    return {"cpu_us": spent / count * 1e6, "tps": rate}


def percentile(ordered: list[int], part: float) -> float:
    """The value that `part` of the sorted values do not exceed."""
    return float(ordered[min(len(ordered) - 1, int(part * len(ordered)))])


def latency(proxy, tls: bool, settings: Settings) -> dict[str, float]:
    """Open loop at half of saturation, 16 clients; latency runs from the moment at which the transaction was due."""
    prefix = settings.folder / "latency"
    for old in settings.folder.glob("latency.*"):
        old.unlink()
    before = cpu_seconds(proxy.pid)
    seconds = str(max(2, round(settings.seconds)))
    options = ["-M", "simple", "-c", "16", "-T", seconds, "-R", f"{settings.rate:.0f}", "-l", f"--log-prefix={prefix}"]
    count, _rate = pgbench(proxy, tls, *options)
    spent = cpu_seconds(proxy.pid) - before
    lines = [line for path in settings.folder.glob("latency.*") for line in path.read_text().splitlines()]
    # Third field of pgbench's log: microseconds, waiting for the schedule included.
    values = sorted(int(line.split()[2]) for line in lines)
    return {"p50_us": percentile(values, 0.5), "p99_us": percentile(values, 0.99), "cpu_us": spent / count * 1e6}


def connects(proxy, tls: bool, settings: Settings) -> dict[str, float]:
    """A new connection for each transaction, 4 at a time."""
    before = cpu_seconds(proxy.pid)
    count, rate = pgbench(proxy, tls, "-C", "-c", "4", "-T", str(max(1, round(settings.seconds))))
    return {"connects_per_s": rate, "cpu_us": (cpu_seconds(proxy.pid) - before) / count * 1e6}


class Client:
    """A connection that costs the measuring side as little as can be."""

    def __init__(self, proxy, tls: bool):
        self.socket = socket.create_connection(("127.0.0.1", proxy.port))
        if tls and proxy.client_tls:
            self.socket.sendall(struct.pack("!ii", 8, 80877103))
            assert self.socket.recv(1) == b"S", f"{proxy.name} offers no TLS"
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.until_ready(bytearray(4096))

    def until_ready(self, buffer: bytearray) -> int:
        """Reads to ReadyForQuery; returns the bytes read."""
        total, tail, view = 0, b"", memoryview(buffer)
        while tail != READY:
            got = self.socket.recv_into(buffer)
            assert got, "the connection was closed early"
            total += got
            tail = (tail + bytes(view[max(0, got - 6) : got]))[-6:]
        return total

    def query(self, text: bytes, buffer: bytearray) -> int:
        """Runs one simple query; returns the bytes of its answer."""
        self.socket.sendall(b"Q" + struct.pack("!i", len(text) + 5) + text + b"\0")
        return self.until_ready(buffer)

    def close(self):
        self.socket.close()


def rows(proxy, tls: bool, settings: Settings) -> dict[str, float]:
    """Reads the wide table: megabytes per second, and CPU seconds of the proxy for each gigabyte."""
    client, buffer = Client(proxy, tls), bytearray(1 << 18)
    before, began, total = cpu_seconds(proxy.pid), time.perf_counter(), 0
    for _repeat in range(settings.repeats):
        total += client.query(b"select filler from wide", buffer)
    took, spent = time.perf_counter() - began, cpu_seconds(proxy.pid) - before
    client.close()
    return {"mb_per_s": total / took / 1e6, "cpu_s_per_gb": spent / total * 1e9}


def memory(proxy, tls: bool, settings: Settings) -> dict[str, float]:
    """Resident memory that each of many idle sessions adds. Each has run a statement, so PgBouncer has a server connection
    for it as well. A few sessions come first, for what is set up once."""
    buffer = bytearray(4096)
    crowd = [Client(proxy, tls) for _ in range(20)]
    for client in crowd:
        client.query(b"select 1", buffer)
    before = resident_kib(proxy.pid)
    more = []
    for _ in range(settings.idle):
        client = Client(proxy, tls)
        client.query(b"select 1", buffer)
        more.append(client)
    time.sleep(0.5)
    after = resident_kib(proxy.pid)
    for client in [*crowd, *more]:
        client.close()
    return {"kib_per_session": (after - before) / settings.idle}
