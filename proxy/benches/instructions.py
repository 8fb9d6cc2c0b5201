"""Counts the instructions of each case of the example `instructions` and compares them with the committed baseline.

Instructions do not depend on how busy the machine is, so a change of more than 5 % is a change of the code, of a dependency
or of the compiler. Valgrind shows programs one and the same processor wherever the real one has AVX2.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
FOLDERS = {"dev": "debug", "release": "release"}
# Of each case's work. The tests have little time, and their build needs many more instructions.
ROUNDS = {"dev": 10, "release": 100}


def build_facts() -> dict[str, str]:
    """What a count depends on beside our own code and Cargo.lock."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    vectors = "avx2" if flags and "avx2" in flags[1].split() else "no avx2"
    return {"rustc": rustc, "machine": f"{platform.machine()}, {vectors}"}


def count(program: Path, case: str, rounds: int) -> int:
    """Instructions that one case executes inside `measured`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=instructions::measured*", f"--callgrind-out-file={out}"]
        done = subprocess.run([*command, program, case, str(rounds)], capture_output=True, text=True, check=False)
        found = re.search(r"^(?:summary|totals): (\d+)$", out.read_text(), re.MULTILINE) if out.exists() else None
        if done.returncode or not found or int(found[1]) == 0:
            sys.exit(f"{program} {case}: nothing was counted\n{done.stderr}")
        return int(found[1])


def measure(program: Path, rounds: int) -> dict[str, int]:
    """The counts of all cases."""
    if not program.exists():
        sys.exit(f"{program} is missing: cargo build --package rolegate --example instructions, with the profile that is measured")
    cases = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(lambda case: count(program, case, rounds), cases), strict=True))


def compare(counts: dict[str, int], baseline: dict[str, int]) -> int:
    """Prints each case beside its baseline; gives the number of those that fail."""
    failed = 0
    for case in sorted({*counts, *baseline}):
        now, then = counts.get(case), baseline.get(case)
        if now is None or then is None:
            verdict, change = "FAILED: only in " + ("the baseline" if now is None else "this build"), ""
        else:
            change = f"{(now - then) / then:+.1%}"
            verdict = "FAILED" if now > then * (1 + TOLERANCE) else "better; make bench-baseline keeps it" if now < then * (1 - TOLERANCE) else ""
        failed += verdict.startswith("FAILED")
        print(f"  {case:<32} {then or 0:>12,} {now or 0:>12,} {change:>8}  {verdict}".rstrip())
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=FOLDERS, default="release", help="the cargo profile of the build that is measured")
    parser.add_argument("--write", action="store_true", help="make this build the baseline of its profile")
    parser.add_argument("--only-like", action="store_true", help="pass, and say so, where compiler or processor are not the baseline's")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: `make setup` installs it")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    facts, recorded = build_facts(), json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    baseline = recorded.get(arguments.profile, {})
    unlike = [f"{key} is {facts[key]}, the baseline's {baseline.get(key)}" for key in facts if baseline.get(key) != facts[key]]
    if unlike and not arguments.write:
        print(f"instructions of profile {arguments.profile} are not compared: {'; '.join(unlike)}. `make bench-baseline` writes a new one.")
        return 0 if arguments.only_like else 1
    counts = measure(target / FOLDERS[arguments.profile] / "examples" / "instructions", ROUNDS[arguments.profile])
    if arguments.write:
        recorded[arguments.profile] = {**facts, "instructions": counts}
        BASELINE.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
        return 0
    print(f"instructions, profile {arguments.profile}, {facts['rustc']}:      baseline          now   change")
    failed = compare(counts, baseline["instructions"])
    print(f"{len(counts) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
