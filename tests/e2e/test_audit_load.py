"""The audit under load and faults, for a short time; `make audit-faults` does it for long."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

import audit_load


def test_the_audit_holds_under_load_full_disks_removed_files_and_hard_kills(capfd):
    assert audit_load.main(12) == 0, capfd.readouterr().out
