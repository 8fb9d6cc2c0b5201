"""What the facts of large organisations cost: loading, memory, and `iam paths` over them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target" / "release"
OUT = ROOT / "target" / "scale"


def timed(*command):
    """Seconds on the clock and of the processors, the peak of resident memory in MiB, and the output."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), command
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output


def load(accounts, roles):
    shutil.rmtree(OUT, ignore_errors=True)
    subprocess.run([TARGET / "accounts", "--accounts", str(accounts), "--roles", str(roles), "--out", OUT], check=True)
    seconds, busy, mebibytes, _ = timed(TARGET / "rolegate", "config", "check", OUT / "rolegate.toml")
    print(f"load {accounts:,} accounts of {roles:,} roles: {seconds:.1f} s, {busy:.1f} s of processors, {mebibytes:.0f} MiB at the peak", flush=True)
    return seconds


def main():
    load(2000, 100)
    seconds = load(200, 1000)
    role = "arn:aws:iam::100000000003:role/team/Role7"
    both, _, _, found = timed(TARGET / "rolegate", "iam", "paths", "--config", OUT / "rolegate.toml", "--to", role)
    print(f"iam paths to a role: {both:.1f} s with loading, {both - seconds:.1f} s without; {len(found.splitlines())} lines")


if __name__ == "__main__":
    main()
