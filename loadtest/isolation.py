#!/usr/bin/env python3
"""How long a quiet session waits beside one that floods: p50 and p99 of a small query, alone and beside each flood, as ratios in one run.

One worker thread, so that both sessions share it: what the gate does for the one it cannot do for the other. Needs PostgreSQL 15 and the
release build (make bench-isolation)."""

import argparse
import contextlib
import multiprocessing
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from servers import Gate, Postgres, pg_folder  # noqa: E402
from wire import SYNC, Wire, parse, query  # noqa: E402

MALFORMED = "copy t from 's3://b/x' iam_role 'bad'"
KEYS = "copy t from 's3://b/x' credentials 'aws_access_key_id=a;aws_secret_access_key=b'"
ROLE = "copy t from 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA' "
MEGABYTE = 1024 * 1024


def refusals() -> bytes:
    return b"".join(query(MALFORMED.replace("t from", f"t{number} from")) for number in range(200))


def skipped_annotations() -> bytes:
    return parse("selec") + parse(KEYS) * 200 + SYNC


def changes_of_user() -> bytes:
    return b"".join(query(f"set session authorization u{number}") for number in range(200)) + query(ROLE)


def long_ordinary() -> bytes:
    return query("select " + "1, " * (5 * MEGABYTE) + "1")


def long_carrier() -> bytes:
    columns = ", ".join(f"column_{number}" for number in range(800_000))
    return query(f"copy t ({columns}) from 's3://b/x' iam_role 'bad'")


FLOODS = {
    "refused statements": refusals,
    "annotated statements that the server skips": skipped_annotations,
    "changes of user, with a COPY": changes_of_user,
    "statements of 15 MB": long_ordinary,
    "carriers of 12 MB": long_carrier,
}


def flood(port: int, name: str):
    """Sends one flood again and again and reads the answers, until it is ended."""
    messages = FLOODS[name]()
    with contextlib.suppress(OSError, EOFError), Wire(port, timeout=60) as wire:
        wire.login()
        wire.sock.setblocking(False)
        unsent = memoryview(messages)
        while True:
            with contextlib.suppress(BlockingIOError):
                unsent = unsent[wire.sock.send(unsent) :] or memoryview(messages)
            with contextlib.suppress(BlockingIOError):
                if not wire.sock.recv(MEGABYTE):
                    return


def latencies(wire: Wire, seconds: float) -> list[float]:
    """Times of a query that is sent every 2 ms, in milliseconds."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        wire.send(query("select 1"))
        wire.until_ready()
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    return sorted(times)


def quantile(times: list[float], share: float) -> float:
    return times[min(int(len(times) * share), len(times) - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--program", type=Path, default=ROOT / "target" / "release" / "rolegate")
    parser.add_argument("--direct", action="store_true", help="floods and query go to the server itself: what the machine alone costs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rolegate-isolation-"))
    postgres = Postgres(pg_folder())
    gate = Gate(folder, postgres.port, program=options.program, extra='[runtime]\nworkers = 1\n[log]\nlevel = "warn"', dialect="redshift")
    port = postgres.port if options.direct else gate.port
    try:
        with Wire(port) as wire:
            wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire.login()
            latencies(wire, 1)
            alone = latencies(wire, options.seconds)
            print(f"{'beside':45} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'p99 of alone':>13}")
            rows = {"nothing": alone}
            for name in FLOODS:
                other = multiprocessing.Process(target=flood, args=(port, name), daemon=True)
                other.start()
                time.sleep(1)
                rows[name] = latencies(wire, options.seconds)
                other.kill()
                other.join()
                time.sleep(1)
            for name, times in rows.items():
                p99 = quantile(times, 0.99)
                print(f"{name:45} {quantile(times, 0.5):8.2f} {p99:8.2f} {times[-1]:8.2f} {p99 / quantile(alone, 0.99):13.1f}")
    finally:
        gate.stop()
        postgres.stop()
        shutil.rmtree(postgres.folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
