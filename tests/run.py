"""Runs the checks, the tests or both, and prints one closing line of counts: tests/run.py [checks] [tests]

What does not need the compiler's result is done while it works, and what mostly waits is done together; what measures time is done alone
at the end. A step that others run beside shows its output when it is over, so that it can be read.
"""

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# One set of features for all steps, so that they share what they build: the load generator and the AWS source are tested too.
BUILD = ["--locked", "--workspace", "--features", "rolegate/aws,rolegate-loadtest/load"]
PYTEST = ["target/venv/bin/python", "-m", "pytest", "-q", "-ra"]
# Whole files are handed out, for their tests share servers.
WORKERS = str(min(2 * (os.cpu_count() or 1), 8))
BESIDE = ["-m", "not alone", "--numprocesses", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]
PLACES = ["tests/e2e", "tests/deploy", "tests/test_licences.py", "tests/test_run.py", "--ignore=tests/e2e/test_regression.py"]
CONSOLE = sorted(path.name for path in (ROOT / "tests/console").glob("*.test.mjs"))
FRAMES = "frames.test.mjs"

CARGO_COUNTS = r"test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed"
PYTEST_COUNTS = r"(?P<passed>\d+) passed|(?P<failed>\d+) (?:failed|errors?)\b"
VITEST_COUNTS = r"^\s*Tests .*?(?:(?P<failed>\d+) failed.*?)?(?P<passed>\d+) passed"
NODE_COUNTS = r"^(?:#|\S) pass (?P<passed>\d+)$|^(?:#|\S) fail (?P<failed>\d+)$"


@dataclass(frozen=True)
class Step:
    """One command. Without a pattern that counts tests it counts as one itself; one that prepares others counts when it fails, and ends
    the run."""

    command: list[str]
    counts: str | None = None
    prepares: bool = False


@dataclass(frozen=True)
class Done:
    """What became of a step."""

    step: Step
    passed: int
    failed: int
    seconds: float
    # Of the processors, by the command and all that it started and waited for.
    busy: float

    def line(self) -> str:
        return f"{self.seconds:6.0f} s {self.busy:6.0f} s busy  {'failed  ' if self.failed else ''}{' '.join(self.step.command)}"


CHECKS = [
    Step(["cargo", "fmt", "--all", "--check"]),
    Step(["cargo", "clippy", *BUILD, "--all-targets", "--", "-D", "warnings"]),
    # What is built without features is what make demo runs.
    Step(["cargo", "clippy", "--locked", "--workspace", "--", "-D", "warnings"]),
    Step(["env", "RUSTDOCFLAGS=-D warnings", "cargo", "doc", *BUILD, "--no-deps", "--document-private-items"]),
]
BESIDE_CHECKS = [Step(["python3", "tests/licences.py"])]

COMPILED = [
    Step(["cargo", "test", *BUILD, "--no-fail-fast"], CARGO_COUNTS),
    Step(["cargo", "build", *BUILD, "--bins", "--examples"], prepares=True),
]
BESIDE_COMPILED = [
    Step(["tests/setup.sh", "drivers"], prepares=True),
    Step(["npm", "--prefix", "proxy/console", "test", "--", "--no-color"], VITEST_COUNTS),
]


def stages(checks: bool, tests: bool) -> list[list[list[Step]]]:
    """Stages follow one another; the lanes of a stage run beside one another, the steps of a lane one after the other."""
    compiled = [*(CHECKS if checks else []), *(COMPILED if tests else [])]
    beside = [*(BESIDE_CHECKS if checks else []), *(BESIDE_COMPILED if tests else [])]
    found = [[[Step(["tests/setup.sh", "build"], prepares=True)]], [compiled, beside]]
    if tests:
        found.append(
            [
                [Step([*PYTEST, *BESIDE, *PLACES], PYTEST_COUNTS)],
                [
                    Step(["python3", "proxy/benches/instructions.py", "--profile", "dev", "--only-like"]),
                    Step([*PYTEST, "-s", "tests/e2e/test_regression.py"], PYTEST_COUNTS),
                ],
            ]
        )
        # A browser needs most of a processor itself.
        found.append(
            [
                [Step(["tests/console/run.sh", *(name for name in CONSOLE if name != FRAMES)], NODE_COUNTS)],
                [Step(["tests/aws/run.sh"], PYTEST_COUNTS)],
            ]
        )
        found.append(
            [
                [
                    Step([*PYTEST, "-m", "alone", *PLACES], PYTEST_COUNTS),
                    Step(["tests/console/run.sh", FRAMES], NODE_COUNTS),
                ]
            ]
        )
    return found


SHOWN = threading.Lock()


def show(text: str):
    with SHOWN:
        sys.stdout.write(text)
        sys.stdout.flush()


def count(step: Step, status: int, output: str) -> tuple[int, int]:
    """How many tests of a step passed, and how many failed. One that fails without naming a failed test did not get as far."""
    if step.counts is None:
        return int(status == 0 and not step.prepares), int(status != 0)
    passed = failed = 0
    for match in re.finditer(step.counts, output, re.MULTILINE):
        passed += int(match["passed"] or 0)
        failed += int(match["failed"] or 0)
    return passed, failed or int(status != 0)


def run(step: Step, at_once: bool) -> Done:
    """Runs a command; shows its output as it comes, or whole at its end."""
    began, title, lines = time.monotonic(), "+ " + " ".join(step.command) + "\n", []
    show(title if at_once else title.replace("+ ", "+ (begins) ", 1))
    process = subprocess.Popen(step.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace")
    for line in process.stdout:
        lines.append(line)
        if at_once:
            show(line)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    output = "".join(lines)
    if not at_once:
        show(title + output)
    passed, failed = count(step, process.returncode, output)
    return Done(step, passed, failed, time.monotonic() - began, used.ru_utime + used.ru_stime)


def run_lane(lane: list[Step], at_once: bool) -> list[Done]:
    found = []
    for step in lane:
        found.append(run(step, at_once))
        if step.prepares and found[-1].failed:
            break
    return found


def run_stages(todo: list[list[list[Step]]]) -> list[Done]:
    """What became of the steps, up to the end of the stage in which one that prepares others fails."""
    found = []
    for stage in todo:
        lanes = [lane for lane in stage if lane]
        with ThreadPoolExecutor(len(lanes)) as pool:
            for done in pool.map(lambda lane, at_once=len(lanes) == 1: run_lane(lane, at_once), lanes):
                found += done
        if any(done.failed and done.step.prepares for done in found):
            break
    return found


def main(groups: list[str]) -> int:
    if not groups or not {*groups} <= {"checks", "tests"}:
        sys.exit(__doc__)
    began = time.monotonic()
    found = run_stages(stages("checks" in groups, "tests" in groups))
    print("\n".join(done.line() for done in found))
    print(f"{time.monotonic() - began:6.0f} s in all")
    passed, failed = sum(done.passed for done in found), sum(done.failed for done in found)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
