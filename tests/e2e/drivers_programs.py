"""Sessions of the clients that are programs of their own: the same steps as in drivers.py."""

import json
import os
import subprocess

from drivers import REFUSED


def through_node(gate):
    command = ["node", os.path.join(os.path.dirname(__file__), "driver.js"), str(gate.port), str(gate.authority), REFUSED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("refusal_prepared") == "42501"
    return seen
