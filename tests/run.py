"""Runs the checks, the tests or both, and prints one closing line of counts: tests/run.py [checks] [tests]."""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# One set of features for all steps, so that they share what they build: the load generator and the AWS source are tested too.
BUILD = ["--locked", "--workspace", "--features", "rolegate/aws,rolegate-loadtest/load"]
PYTEST = ["target/venv/bin/python", "-m", "pytest", "-q", "-ra"]
CARGO_COUNTS = r"test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed"
PYTEST_COUNTS = r"(?P<passed>\d+) passed|(?P<failed>\d+) (?:failed|errors?)\b"

VITEST_COUNTS = r"^\s*Tests .*?(?:(?P<failed>\d+) failed.*?)?(?P<passed>\d+) passed"
NODE_COUNTS = r"^(?:#|\S) pass (?P<passed>\d+)$|^(?:#|\S) fail (?P<failed>\d+)$"


@dataclass(frozen=True)
class Step:
    """One command. Without a pattern that counts tests it counts as one itself."""

    command: list[str]
    counts: str | None = None


CHECKS = [
    Step(["cargo", "fmt", "--all", "--check"]),
    Step(["python3", "tests/licences.py"]),
    Step(["cargo", "clippy", *BUILD, "--all-targets", "--", "-D", "warnings"]),
    # What is built without features is what make demo runs.
    Step(["cargo", "clippy", "--locked", "--workspace", "--", "-D", "warnings"]),
    Step(["env", "RUSTDOCFLAGS=-D warnings", "cargo", "doc", *BUILD, "--no-deps", "--document-private-items"]),
]

TESTS = [
    Step(["cargo", "test", *BUILD, "--no-fail-fast"], CARGO_COUNTS),
    Step(["cargo", "build", *BUILD, "--bins", "--examples"]),
    Step(["python3", "proxy/benches/instructions.py", "--profile", "dev", "--only-like"]),
    Step([*PYTEST, "tests/e2e", "tests/deploy", "tests/test_licences.py", "--ignore=tests/e2e/test_regression.py"], PYTEST_COUNTS),
    Step([*PYTEST, "-s", "tests/e2e/test_regression.py"], PYTEST_COUNTS),
    Step(["npm", "--prefix", "proxy/console", "test", "--", "--no-color"], VITEST_COUNTS),
    Step(["tests/console/run.sh"], NODE_COUNTS),
    Step(["tests/aws/run.sh"], PYTEST_COUNTS),
]


def run(command: list[str]) -> tuple[int, str]:
    """Runs a command, shows its output as it comes, and returns its exit status and output."""
    print("+", " ".join(command), flush=True)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = []
        for line in process.stdout:
            sys.stdout.write(line)
            lines.append(line)
    return process.returncode, "".join(lines)


def count(step: Step, status: int, output: str) -> tuple[int, int]:
    """How many tests of a step passed, and how many failed. One that fails without naming a failed test did not get as far."""
    if step.counts is None:
        return int(status == 0), int(status != 0)
    passed = failed = 0
    for match in re.finditer(step.counts, output, re.MULTILINE):
        passed += int(match["passed"] or 0)
        failed += int(match["failed"] or 0)
    return passed, failed or int(status != 0)


def main(groups: list[str]) -> int:
    steps = [step for name, steps in (("checks", CHECKS), ("tests", TESTS)) if name in groups for step in steps]
    if not steps:
        sys.exit(__doc__)
    passed = failed = 0
    took = []
    for step in steps:
        began = time.monotonic()
        status, output = run(step.command)
        good, bad = count(step, status, output)
        passed, failed = passed + good, failed + bad
        took.append(f"{time.monotonic() - began:6.0f} s  {'failed  ' if bad else ''}{' '.join(step.command)}")
    print("\n".join(took))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
