"""The audit under load: the disk gets full and empty, the file is removed, the process is killed hard, again and again.

Afterwards `audit verify` says exactly what is missing, and under `refuse` no statement with a role ran that has no record."""

import collections
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from answering import Backend
from servers import BIN, Gate, wait_for
from wire import Wire, query

SEED = int(os.environ.get("FAULT_SEED", "1"))
ROLE = "arn:aws:iam::123456789012:role/RoleA"
# Clients are processes: one interpreter would be the bottleneck.
PROCESSES = 3
SESSIONS = 8
# A full disk is played by a limit on the size of files, which is below the size at which they are rotated.
ROTATE_BYTES = 8 * 1024 * 1024
FULL_BYTES = 2 * 1024 * 1024
PAUSE_SECONDS = 1.0
# At the beginning of the log, and between two files.
MISSING = re.compile(r"records (\d+) to (\d+) (?:of the log are in no file that was named|are missing before this one)")
GONE = (OSError, EOFError)


def statement(number: str) -> str:
    return f"copy t from 's3://b/{number}' iam_role '{ROLE}'"


class Client(multiprocessing.Process):
    """Sessions that send statements with roles as fast as they are answered, and count the answers."""

    def __init__(self, name: str, port: int):
        super().__init__(daemon=True)
        self.prefix, self.port = name, port
        self.over = multiprocessing.Event()
        self.results = multiprocessing.Queue()

    def run(self):
        counts, lock = collections.Counter(), threading.Lock()
        threads = [threading.Thread(target=self.session, args=(number, counts, lock), daemon=True) for number in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.results.put(dict(counts))

    def session(self, number, counts, lock):
        sent = 0
        while not self.over.is_set():
            try:
                with Wire(self.port, timeout=30) as wire:
                    wire.login(user="etl")
                    while not self.over.is_set():
                        sent += 1
                        wire.send(query(statement(f"{self.prefix}-{number}-{sent}-")))
                        answer = "".join(message.fields()["C"] if message.kind == "E" else message.kind for message in wire.until_ready())
                        with lock:
                            counts[answer] += 1
            except GONE:
                with lock:
                    counts["gone"] += 1
                time.sleep(0.05)

    def finish(self) -> dict:
        self.over.set()
        counts = self.results.get(timeout=60)
        self.join()
        return counts


@dataclass
class Trial:
    """A gate whose audit is kept by one way of failing, and what was done to it."""

    folder: Path
    on_failure: str
    seconds: float
    backend: Backend = field(init=False)
    done: collections.Counter = field(default_factory=collections.Counter)
    # What is taken away from the audit, and what of it was removed.
    kept: list = field(default_factory=list)
    removed: list = field(default_factory=list)

    def __post_init__(self):
        self.rng = random.Random(f"{SEED}-{self.on_failure}")
        self.folder.mkdir(parents=True)
        key = self.folder / "audit.key"
        subprocess.run([BIN / "rolegate", "audit", "keygen", "--name", "gate.example.org/audit", key], check=True, capture_output=True)
        self.program = self.folder / "rolegate"
        # The signal that comes with the limit on files would end the gate; the error behind it is that of a full disk.
        self.program.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec '{BIN / 'rolegate'}' \"$@\"\n")
        self.program.chmod(0o755)
        self.audit_extra = "\n".join(
            [
                f'on_failure = "{self.on_failure}"',
                f'signing_key = "{key}"',
                f'checkpoint_file = "{self.folder / "checkpoints"}"',
                "checkpoint_records = 1000",
                f"rotate_bytes = {ROTATE_BYTES}",
                "compress = false",
                "sessions = false",
            ]
        )
        self.backend = Backend(self.folder / "received")
        self.start()

    def start(self):
        again = {"port": self.gate.port, "admin": self.gate.admin} if hasattr(self, "gate") else {}
        self.gate = Gate(self.folder / "gate", self.backend.port, audit_extra=self.audit_extra, program=self.program, **again)
        self.collect()

    @property
    def pid(self) -> int:
        return self.gate.process.process.pid

    def collect(self):
        """Takes files that are written no longer to another folder, as an agent would."""
        folder = self.folder / "collected"
        folder.mkdir(exist_ok=True)
        for path in sorted(self.gate.folder.glob("audit.jsonl.*")):
            moved = folder / path.name
            path.rename(moved)
            self.kept.append(moved)

    def fill_the_disk(self):
        _soft, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, hard))
        wait_for("the audit to fail", lambda: "rolegate_audit_failing 1" in self.gate.metrics(), 60)
        time.sleep(PAUSE_SECONDS)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard, hard))
        wait_for("the audit to be written again", lambda: "rolegate_audit_failing 0" in self.gate.metrics(), 60)
        self.done["disk filled"] += 1

    def remove_the_file(self):
        """Another link to it stays, so that it can be told what was in it."""
        kept = self.folder / f"removed.{len(self.removed)}"
        os.link(self.gate.audit, kept)
        self.gate.audit.unlink()
        self.removed.append(kept)
        wait_for("another file", self.gate.audit.exists)
        self.done["file removed"] += 1

    def kill(self):
        self.gate.process.process.kill()
        self.gate.process.process.wait()
        self.start()
        self.done["killed"] += 1

    def reopen(self):
        """Log rotation from outside: the file is moved, and the process told."""
        moved = self.gate.folder / f"audit.jsonl.moved{self.done['moved']}"
        self.gate.audit.rename(moved)
        self.gate.process.send(signal.SIGHUP)
        wait_for("another file", self.gate.audit.exists)
        self.done["moved"] += 1

    def run(self, acts):
        clients = [Client(f"c{number}", self.gate.port) for number in range(PROCESSES)]
        for client in clients:
            client.start()
        end = time.monotonic() + self.seconds
        # Each at least once, however short the time is.
        todo = list(acts)
        while todo or time.monotonic() < end:
            time.sleep(self.rng.uniform(0.3, 1.5))
            act = todo.pop(0) if todo else self.rng.choice(acts)
            act()
            self.collect()
        answers = collections.Counter()
        for client in clients:
            answers.update(client.finish())
        self.dropped = int(float(self.gate.metrics().split("\nrolegate_audit_dropped_total ")[1].split()[0]))
        status = self.gate.stop()
        assert status == 0, self.gate.process.output()[-2000:]
        self.backend.stop()
        self.collect()
        self.kept.append(self.gate.audit)
        return answers

    def verify(self, *files) -> dict:
        command = [BIN / "rolegate", "audit", "verify", "--key", self.folder / "audit.key.pub", "--checkpoint", self.folder / "checkpoints", *files]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def records(self) -> list[dict]:
        """Every record that was ever written, in the order of the log; what a kill left of a line is none."""
        found = []
        for path in (*self.kept, *self.removed):
            for line in path.read_bytes().splitlines():
                try:
                    found.append(json.loads(line))
                except json.JSONDecodeError:
                    self.done["torn lines"] += 1
        return sorted(found, key=lambda record: record["seq"])


def spans(numbers: list[int]) -> list[list[int]]:
    """The runs of consecutive numbers."""
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def missing(problem: str) -> list[int]:
    """The first and the last record that a problem says are missing."""
    found = MISSING.fullmatch(problem)
    return [int(found[1]), int(found[2])] if found else [problem]


def holds(trial: Trial, answers: collections.Counter) -> list[str]:
    """What does not hold; nothing when everything does."""
    faults = []

    def must(what: str, is_so: bool, found=""):
        if not is_so:
            faults.append(f"{what}: {str(found)[:1000]}")

    records = trial.records()
    numbers = [record["seq"] for record in records]
    must("every record has a number of its own, without a gap", numbers == list(range(len(records))), f"{len(records)} records")
    whole = trial.verify(*trial.kept, *trial.removed)
    must("nothing is wrong with the log as it was written", whole["problems"] == [], whole["problems"])
    if trial.removed:
        gone = [json.loads(line)["seq"] for path in trial.removed for line in path.read_bytes().splitlines() if line.endswith(b"}")]
        told = [missing(problem["problem"]) for problem in trial.verify(*trial.kept)["problems"]]
        must("what was removed is named, and nothing else", sorted(told, key=str) == sorted(spans(gone), key=str), (told, spans(gone)))
    ran = trial.backend.received()
    recorded = {record["statement"].split("s3://b/")[1].split("'")[0] for record in records if record["event"] == "verdict"}
    lost = sum(record["lost"] for record in records if record["event"] == "gap")
    must("the clients were answered", set(answers) <= {"CZ", "53100Z", "gone"}, answers)
    must("there was a load", answers["CZ"] > 100, answers)
    if trial.on_failure == "refuse":
        must("no statement with a role ran unrecorded", not ran - recorded, sorted(ran - recorded)[:5])
        must("some were refused while the disk was full", answers["53100Z"] > 0, answers)
    else:
        must("none was refused", answers["53100Z"] == 0, answers)
        # Nobody was killed: two records a statement, that of its verdict and that of its outcome.
        of_statements = sum(record["event"] in ("verdict", "outcome") for record in records)
        must("the gaps tell how many are missing", of_statements + lost == 2 * len(ran), f"{of_statements} and {lost} of {2 * len(ran)}")
        must("as many as were counted", lost == trial.dropped, (lost, trial.dropped))
        must("some are missing", lost > 0)
    print(f"{trial.on_failure}: {dict(trial.done)}; {dict(answers)}; {len(records)} records, {lost} lost, {len(ran)} statements ran")
    return faults


def main(seconds: float) -> int:
    faults = []
    with tempfile.TemporaryDirectory(prefix="rolegate-audit-") as folder:
        trial = Trial(Path(folder) / "refuse", "refuse", seconds * 2 / 3)
        faults += holds(trial, trial.run([trial.fill_the_disk, trial.remove_the_file, trial.kill, trial.reopen]))
        trial = Trial(Path(folder) / "continue", "continue", seconds / 3)
        faults += holds(trial, trial.run([trial.fill_the_disk, trial.reopen]))
    for fault in faults:
        print(fault)
    print("the audit holds" if not faults else f"the audit does not hold (FAULT_SEED={SEED})")
    return 1 if faults else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(1))
    sys.exit(main(60 * float(os.environ.get("AUDIT_MINUTES", "10"))))
