"""A generated year of a company, small: what is bad is listed for review, and nothing else is."""

import subprocess
import sys
from pathlib import Path

from servers import BIN

SCRIPT = Path(__file__).resolve().parents[2] / "loadtest" / "company_year.py"


def test_what_is_bad_is_for_review_and_nothing_else(tmp_path):
    size = ["--statements", "9000", "--groups", "2", "--chains", "2", "--users", "6", "--min-uses", "5"]
    command = [sys.executable, SCRIPT, "--program", BIN / "rolegate", "--folder", tmp_path / "year", *size]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("all 27 bad statements are for review, and nothing else is")
