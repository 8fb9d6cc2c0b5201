"""The unit, verified and judged by systemd's own tools."""

import re
import subprocess

import pytest
from servers import BIN, ROOT

UNITS = ROOT / "deploy/systemd"
# What `systemd-analyze security` may say at most: 10 is unconfined.
MOST_EXPOSED = 1.6


@pytest.fixture
def root(tmp_path):
    """A root with the units and the programs that they start."""
    system = tmp_path / "usr/lib/systemd/system"
    system.mkdir(parents=True)
    for unit in UNITS.glob("rolegate.s*"):
        if unit.suffix in {".service", ".socket"}:
            (system / unit.name).write_text(unit.read_text())
    for target in ["sysinit", "basic", "network", "network-online", "multi-user", "sockets", "shutdown"]:
        (system / f"{target}.target").write_text(f"[Unit]\nDescription={target}\n")
    for program in ["usr/bin/rolegate", "bin/kill"]:
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return tmp_path


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False)


def test_the_units_are_valid(root):
    units = sorted((root / "usr/lib/systemd/system").glob("rolegate.*"))
    done = analyze("verify", "--man=no", f"--root={root}", *units)
    ours = [line for line in done.stderr.splitlines() if "rolegate" in line]
    assert ours == [], done.stderr


def test_a_broken_unit_is_noticed(root):
    unit = root / "usr/lib/systemd/system/rolegate.service"
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notice"))
    assert "rolegate.service" in analyze("verify", "--man=no", f"--root={root}", unit).stderr


def test_the_service_is_confined():
    done = analyze("security", "--offline=true", f"--threshold={int(MOST_EXPOSED * 10)}", UNITS / "rolegate.service")
    level = re.search(r"exposure level for rolegate.service: ([\d.]+)", done.stdout)
    assert level and float(level[1]) <= MOST_EXPOSED, done.stdout


def test_the_unit_fits_the_program():
    unit = (UNITS / "rolegate.service").read_text()
    for line in ["Type=notify", "WatchdogSec=30", "User=rolegate", "ProcSubset=all", "LoadCredential=rolegate.key"]:
        assert re.search(rf"^{line}$", unit, re.MULTILINE), line
    for command in re.findall(r"^Exec(?:Start|StartPre)=/usr/bin/rolegate (.*)$", unit, re.MULTILINE):
        words = [word for word in command.split() if not word.startswith(("-", "/"))]
        done = subprocess.run([BIN / "rolegate", *words, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, command
    assert "rolegate" in (UNITS / "rolegate.sysusers").read_text()


def test_the_user_and_its_folders_are_made(tmp_path):
    (tmp_path / "etc").mkdir()
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", UNITS / "rolegate.sysusers"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^rolegate:", (tmp_path / "etc/passwd").read_text(), re.MULTILINE)
    done = subprocess.run(["systemd-tmpfiles", "--create", f"--root={tmp_path}", UNITS / "rolegate.tmpfiles"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and (tmp_path / "var/log/rolegate").is_dir(), done.stderr
