"""The command line of the product."""

import subprocess

from servers import BIN


def rolegate(*arguments, **options) -> subprocess.CompletedProcess:
    """Runs a command; its status and what it prints are the result."""
    return subprocess.run([str(BIN / "rolegate"), *map(str, arguments)], capture_output=True, text=True, check=False, **options)
