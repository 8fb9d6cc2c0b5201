"""The crates that a program of the workspace is built from, by `cargo metadata`."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def metadata(features: str = "rolegate/aws", target: str = "x86_64-unknown-linux-gnu") -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", features, "--filter-platform", target]
    return json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout)


def built_in(tree: dict, name: str = "rolegate") -> list[dict]:
    """The packages that end up in the program: the package itself, and what it needs that is no test and no build script."""
    packages = {package["id"]: package for package in tree["packages"]}
    nodes = {node["id"]: node for node in tree["resolve"]["nodes"]}
    found, waiting = set(), [next(package["id"] for package in tree["packages"] if package["name"] == name)]
    while waiting:
        package = waiting.pop()
        if package in found:
            continue
        found.add(package)
        for needed in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in needed["dep_kinds"]):
                waiting.append(needed["pkg"])
    return sorted((packages[package] for package in found), key=lambda package: (package["name"], package["version"]))


def needs(tree: dict, among: list[dict]) -> dict[str, list[str]]:
    """What each of the packages needs of the others, by id."""
    ids = {package["id"] for package in among}
    return {node["id"]: sorted(needed["pkg"] for needed in node["deps"] if needed["pkg"] in ids) for node in tree["resolve"]["nodes"] if node["id"] in ids}
