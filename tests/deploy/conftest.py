"""Tests of what operators are given share the servers and programs of the end-to-end tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    from tools import pack

    return pack(tmp_path_factory.mktemp("release") / "first")
