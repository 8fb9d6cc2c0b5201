"""Programs that tests/setup.sh puts into target/, and a release."""

import os
import subprocess
from pathlib import Path

from servers import BIN, ROOT

HELM = ROOT / "target/helm/helm"
CHART = ROOT / "deploy/helm/rolegate"
MODELS = ROOT / "target/node"


def pack(out: Path) -> Path:
    """What `make release` makes, of the program that the tests have built."""
    command = [ROOT / "deploy/release/release.sh"]
    env = {**os.environ, "PROGRAM": str(BIN / "rolegate"), "OUT": str(out)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out
