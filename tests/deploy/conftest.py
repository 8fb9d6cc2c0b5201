"""Tests of what operators are given share the servers and programs of the end-to-end tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import os  # noqa: E402
import subprocess  # noqa: E402

import pytest  # noqa: E402
from servers import BIN, ROOT  # noqa: E402


def pack(out: Path) -> Path:
    """What `make release` makes, of the program that the tests have built."""
    command = [ROOT / "deploy/release/release.sh"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PROGRAM": str(BIN / "rolegate"), "OUT": str(out)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("release") / "first")
