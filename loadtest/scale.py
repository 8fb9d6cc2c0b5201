"""What the facts of 200 accounts with 1,000 roles each cost: loading, memory, and `iam paths` over them."""

import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target" / "release"
OUT = ROOT / "target" / "scale"


def timed(*command):
    """Seconds, the peak of resident memory so far in MiB, and the output."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, done.stdout


def main():
    config = OUT / "rolegate.toml"
    subprocess.run([TARGET / "accounts", "--out", OUT], check=True)
    seconds, mebibytes, _ = timed(TARGET / "rolegate", "config", "check", config)
    print(f"load 200 accounts of 1,000 roles: {seconds:.1f} s, {mebibytes:.0f} MiB at the peak")
    role = "arn:aws:iam::100000000003:role/team/Role7"
    both, _, found = timed(TARGET / "rolegate", "iam", "paths", "--config", config, "--to", role)
    print(f"iam paths to a role: {both:.1f} s with loading, {both - seconds:.1f} s without; {len(found.splitlines())} lines")


if __name__ == "__main__":
    main()
