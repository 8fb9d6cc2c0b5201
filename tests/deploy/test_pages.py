"""The commands of README and docs/operations.md, typed as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from servers import BIN, ROOT, for_all
from tools import HELM
from typed import blocks

TYPED = Path(__file__).with_name("typed.py")
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs/operations.md"
# Blocks that other tests run, or that start what another block of the same page needs already.
ELSEWHERE = {
    "make demo\n": "every end-to-end test starts the demo",
    "make test\n": "runs this",
}


def type_section(page: Path, heading: str, folder: Path, files: Path | None = None) -> str:
    command = ["unshare", "--mount", "--net", sys.executable, TYPED, page, heading, folder]
    env = {**os.environ, "ROLEGATE_HELM": str(HELM), **({"ROLEGATE_FILES": str(files)} if files else {})}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path):
    """A folder that any user may enter."""
    return for_all(tmp_path)


def test_before_your_own_cluster(tree):
    said = type_section(README, "## Before your own cluster", tree)
    assert "WARNING:  RG206" in said and "\nUNLOAD\n" in said, said
    assert '"version"' in said and "FAILED" not in said, said


@pytest.mark.parametrize("heading", ["### Docker", "### Kubernetes", "### Amazon ECS", "### Debian, Ubuntu", "## Configure", "## Upgrade", "## Rotate", "## Troubleshoot"])
def test_operations(tree, heading):
    said = type_section(OPERATIONS, heading, tree)
    assert "FAILED" not in said.replace("FAILED       policy", ""), said


def test_any_linux_with_systemd(tree, release):
    """The archive of a release, unpacked and installed."""
    type_section(OPERATIONS, "### Any Linux with systemd", tree, files=release)


def test_every_command_of_the_pages_is_typed():
    headings = re.findall(r'"(#+ [^"]+)"', Path(__file__).read_text())
    for page in (README, OPERATIONS):
        text = page.read_text()
        typed = {block for heading in headings if f"\n{heading}\n" in text for block in blocks(text, heading)}
        left = set(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)) - typed
        assert left <= set(ELSEWHERE), left


def test_links_of_the_pages_lead_somewhere():
    for page in [README, *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_a_symptom_names_checks_of_the_doctor():
    """Every check that the troubleshooting table names is one that doctor makes."""
    source = "".join(path.read_text() for path in (ROOT / "proxy/src/cli/doctor").glob("*.rs"))
    named = {name for group in re.findall(r"doctor: ((?:`[^`]+`(?:, )?)+)", OPERATIONS.read_text()) for name in re.findall(r"`([^`]+)`", group)}
    assert len(named) > 8
    assert {name for name in named if f'"{name}"' not in source} == set()


def test_the_shell_of_the_pages_is_there():
    assert shutil.which("unshare") and shutil.which("psql") and (BIN / "standin").exists()
