"""Reloads of large facts in which one account changes: how long one takes and what it needs in memory, and how long statements of sessions
take with none running and with one after the other."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from questions import samples  # noqa: E402
from servers import Gate, Postgres, http, pg_folder, wait_for  # noqa: E402
from wire import Wire, query  # noqa: E402

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
APPLIED = 'rolegate_reloads_total{result="applied",what="config"}'
ROLE = "arn:aws:iam::100000000000:role/team/Role0"
STATEMENTS = {"ordinary": "select 1", "with a role": f"copy t from 's3://b/x' iam_role '{ROLE}'"}
EXTRA = '[facts]\niam = ["iam/*.json"]\nclusters = ["clusters.json"]\n'


def memory(pid: int, field: str) -> int:
    """A figure of the process's memory in KiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])


def change(account: Path):
    """Gives one role of the account another name."""
    old, new = ("team/Role5\"", "team/RoleFive\"") if "team/Role5\"" in account.read_text() else ("team/RoleFive\"", "team/Role5\"")
    account.write_text(account.read_text().replace(old, new))


def time_reloads(gate: Gate, account: Path, count: int):
    """Asks for reloads by signal, so that what is measured is the reload and not the wait for quiet files."""
    pid = gate.process.process.pid
    for _ in range(count):
        change(account)
        applied, before = samples(gate.metrics())[APPLIED], memory(pid, "VmRSS")
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        began = time.monotonic()
        gate.process.send(signal.SIGHUP)
        while samples(gate.metrics())[APPLIED] == applied:
            time.sleep(0.002)
        took, peak = time.monotonic() - began, memory(pid, "VmHWM")
        print(f"a reload with one changed account took {took * 1000:.0f} ms; memory {before / 1024:.0f} MiB, {peak / before:.2f} times that at the peak")
        time.sleep(2)


def milliseconds(port: int, sql: str, until: threading.Event) -> list[float]:
    """How long one statement after the other takes on one session, ordered."""
    times = []
    with Wire(port, timeout=60) as wire:
        wire.login()
        while not until.is_set():
            began = time.perf_counter()
            wire.send(query(sql))
            wire.until_ready()
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.001)
    return sorted(times)


def measure(gate: Gate, beside) -> dict[str, list[float]]:
    """The times of each statement while `beside` runs, and of the answers of the admin address."""
    over, found = threading.Event(), {}

    def ask(name, sql):
        found[name] = milliseconds(gate.port, sql, over)

    def health():
        times = []
        while not over.is_set():
            began = time.perf_counter()
            http(gate.admin, "/readyz")
            http(gate.admin, "/metrics")
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.01)
        found["health and metrics"] = sorted(times)

    threads = [threading.Thread(target=ask, args=item) for item in STATEMENTS.items()] + [threading.Thread(target=health)]
    for thread in threads:
        thread.start()
    beside()
    over.set()
    for thread in threads:
        thread.join()
    return found


def show(title: str, found: dict[str, list[float]]):
    for name, times in found.items():
        at = {word: times[min(len(times) - 1, int(len(times) * share))] for word, share in [("p50", 0.5), ("p99", 0.99), ("max", 1)]}
        shown = ", ".join(f"{word} {value:.2f} ms" for word, value in at.items())
        print(f"{title}, {name}: {shown} ({len(times)} of them)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="release", help="folder of the programs in the target folder")
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--roles", type=int, default=1000)
    parser.add_argument("--reloads", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of the time without a reload")
    arguments = parser.parse_args()
    programs = TARGET / arguments.profile
    folder = Path(tempfile.mkdtemp(prefix="rolegate-reload-"))
    postgres = Postgres(pg_folder())
    size = ["--accounts", str(arguments.accounts), "--roles", str(arguments.roles)]
    subprocess.run([programs / "accounts", *size, "--out", folder], check=True)
    gate = Gate(folder, postgres.port, extra=EXTRA, gate_extra='cluster = "warehouse"', program=programs / "rolegate")

    def reloads():
        account = folder / "iam" / "100000000000.json"
        applied = samples(gate.metrics())[APPLIED]
        for number in range(1, arguments.reloads + 1):
            account.write_text(account.read_text() + "\n")
            began = time.monotonic()
            wait_for("the reload", lambda number=number: samples(gate.metrics())[APPLIED] == applied + number, 600)
            print(f"a reload took {time.monotonic() - began:.1f} s from the save on")

    time_reloads(gate, folder / "iam" / "100000000001.json", arguments.reloads)
    show("without a reload", measure(gate, lambda: time.sleep(arguments.seconds)))
    show("beside reloads", measure(gate, reloads))
    assert gate.stop() == 0
    postgres.stop()
    for used in (folder, postgres.folder):
        shutil.rmtree(used, ignore_errors=True)


if __name__ == "__main__":
    main()
