"""Holds the dependencies to deny.toml: licences, sources and banned crates, from `cargo metadata` alone.

`make deny` asks cargo-deny the same, and for more; it takes longer to install than all tests take to run.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met with allowed licences; AND binds closer than OR, WITH closest of all."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        found = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        if tokens[0] == "(":
            tokens.pop(0)
            found = either()
            tokens.pop(0)
            return found
        name = tokens.pop(0)
        if tokens and tokens[0] == "WITH":
            name = " ".join([name, tokens.pop(0), tokens.pop(0)])
        return name in allowed

    found = either()
    return found and not tokens


def problems(packages: list[dict], rules: dict) -> list[str]:
    """What is wrong with the packages; those of the workspace have no source and are not judged."""
    allowed = set(rules["licenses"]["allow"])
    banned = {ban["name"] for ban in rules["bans"]["deny"]}
    found = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["source"] is None:
            continue
        if package["source"] != CRATES_IO:
            found.append(f"{name} comes from {package['source']}")
        if package["name"] in banned:
            found.append(f"{name} is banned")
        if not is_allowed(package["license"] or "none", allowed):
            found.append(f"{name} has the licence {package['license']}, which is not on the list")
    return found


def main() -> int:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--all-features"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        return 1
    metadata = json.loads(done.stdout)
    resolved = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in resolved]
    found = problems(packages, tomllib.loads((ROOT / "deny.toml").read_text()))
    print("\n".join(found) or f"{len(packages)} packages: licences, sources and bans hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
