"""Runs all tests and prints one closing line of counts."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The load generator is built and tested too.
LOAD = ["--features", "rolegate-loadtest/load"]


def run(command: list[str]) -> tuple[int, str]:
    """Runs a command, shows its output as it comes, and returns its exit status and output."""
    print("+", " ".join(command), flush=True)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = []
        for line in process.stdout:
            sys.stdout.write(line)
            lines.append(line)
    return process.returncode, "".join(lines)


def main() -> int:
    passed = failed = 0
    steps = [
        (["cargo", "fmt", "--all", "--check"], None),
        (["cargo", "test", "--workspace", *LOAD, "--locked", "--no-fail-fast"], r"test result: \w+\. (\d+) passed; (\d+) failed"),
        (["cargo", "build", "--workspace", *LOAD, "--locked", "--bins", "--examples"], None),
        (["python3", "proxy/benches/instructions.py", "--profile", "dev", "--only-like"], None),
        (["target/venv/bin/python", "-m", "pytest", "-q", "-ra", "tests/e2e", "--ignore=tests/e2e/test_regression.py"], None),
        (["target/venv/bin/python", "-m", "pytest", "-q", "-s", "tests/e2e/test_regression.py"], None),
        (["tests/aws/run.sh"], None),
    ]
    for command, pattern in steps:
        status, output = run(command)
        counted_failures = 0
        if pattern:
            for match in re.finditer(pattern, output):
                passed += int(match[1])
                counted_failures += int(match[2])
        else:
            for word in re.findall(r"(\d+) passed", output):
                passed += int(word)
            for word in re.findall(r"(\d+) (?:failed|errors?)\b", output):
                counted_failures += int(word)
            if command[0] == "cargo" and status == 0:
                passed += 1
        # A step that fails without naming a failed test did not get as far as testing.
        failed += counted_failures or (1 if status else 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
