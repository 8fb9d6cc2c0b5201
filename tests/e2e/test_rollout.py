"""docs/rollout.md, typed from its first command to its last: before the stand-in, which keeps a history as the cluster does."""

import json
import os
import re
import subprocess
import sys

import pytest
from guide import CHAIN, UNLOAD
from servers import BIN, ROOT, for_all

PAGE = ROOT / "docs/rollout.md"
CHECK = ROOT / "docs/check.md"
TYPED = ROOT / "tests/deploy/typed.py"
TITLE = "# From shadow to enforcement"
# What ran before there was a gate.
RAN_BEFORE = ["select 1 as before_the_gate", UNLOAD]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """What the page's session printed, commands included, in the order of their steps."""
    folder = for_all(tmp_path_factory.mktemp("rollout"))
    command = ["unshare", "--mount", "--net", sys.executable, TYPED, PAGE, TITLE, folder]
    env = {**os.environ, "ROLEGATE_RAN_BEFORE": json.dumps(RAN_BEFORE)}
    with (folder / "printed").open("w") as printed:
        done = subprocess.run(command, stdout=printed, stderr=subprocess.STDOUT, env=env, check=False, timeout=300)
    text = (folder / "printed").read_text()
    assert done.returncode == 0, text
    return text, folder / "here"


def between(text: str, first: str, then: str) -> str:
    """What was printed from one command (or its part) on, up to another."""
    _, found, rest = text.partition(first)
    assert found, f"{first} was not typed"
    part, found, _ = rest.partition(then)
    assert found, f"{then} was not typed"
    return part


def test_facts_load_and_the_doctor_finds_no_fault(session):
    text, _ = session
    part = between(text, "rolegate doctor", "rolegate iam paths")
    assert "FAILED" not in part and "warehouse" in part, part
    assert CHAIN in between(text, "rolegate iam paths", "mkdir history")


def test_last_week_is_replayed_and_hidden_roles_are_no_passes(session):
    text, here = session
    part = between(text, "rolegate replay --config gate/rolegate.toml history/", "rolegate serve")
    assert "1 cannot be told" in part, part
    assert "before_the_gate" in (here / "history/sys_query_history.csv").read_text()
    assert CHAIN not in (here / "history/sys_query_text.csv").read_text(), "the cluster blanks roles"
    assert "<html" in (here / "replay.html").read_text()
    part = between(text, "rolegate history --format summary --config gate/asking.toml", "rolegate serve")
    assert "1 hide their roles" in part and "1 cannot be told" in part, part


def test_shadow_refuses_nothing_and_counts(session):
    text, _ = session
    part = between(text, "rolegate serve", "rolegate learn")
    assert "WARNING:  RG" not in part and "\nUNLOAD\n" in part and "\nCOPY\n" in part, part
    assert re.search(r'^rolegate_verdicts_total\{.*would_be="forward".*\} [1-9]', part, re.MULTILINE), part


def test_rules_are_learned_reviewed_and_put_in_force(session):
    text, here = session
    part = between(text, "rolegate learn", "cp gate/rolegate.toml gate/rolegate.toml.shadow")
    assert "WARNING:  RG302" in part and "\nUNLOAD\n" in part, part
    assert re.search(r'^rolegate_verdicts_total\{.*would_be="reject".*\} [1-9]', part, re.MULTILINE), part
    learned = (here / "gate/rules/learned.cedar").read_text()
    assert "permit" in learned and "RoleA" in learned
    assert not (here / "gate/rules/first.cedar").exists()


def test_one_group_is_enforced(session):
    text, _ = session
    part = between(text, "gate/rolegate.toml.shadow", "gate/exceptions.toml")
    assert "ERROR:  RG302" in part and "\nrefused\n" in part, part


def test_an_exception_lets_pass_until_its_end(session):
    text, _ = session
    part = between(text, "rolegate policy exceptions", "rolegate.toml.groups")
    assert "SEC-1042" in part and "\nUNLOAD\n" in part and "ERROR" not in part, part


def test_everybody_is_enforced_and_one_command_leads_back(session):
    text, here = session
    part = between(text, "rolegate.toml.groups", "cp gate/rolegate.toml.shadow gate/rolegate.toml")
    assert "\nCOPY\n" in part and "ERROR" not in part, part
    _, _, part = text.rpartition("cp gate/rolegate.toml.shadow gate/rolegate.toml")
    assert "WARNING:  RG302" in part and "\nUNLOAD\n" in part and "ERROR" not in part, part
    assert (here / "gate/rolegate.toml").read_text() == (here / "gate/rolegate.toml.shadow").read_text()


def test_the_commands_of_the_page_of_check_work(tmp_path):
    """On the project that the tests of the program have."""
    data = ROOT / "proxy/tests/data/dbt"
    for name, text in {
        "rolegate.toml": '[policy]\nmode = "shadow"\n[[gate]]\nname = "g"\nlisten = "127.0.0.1:5439"\n[gate.upstream]\naddress = "localhost:5440"\n',
        "cases.jsonl": '{"id": 1, "sql": "select 1"}\n',
        "models/a.sql": "select 1",
        "target/manifest.json": (data / "manifest.json").read_text(),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (commands,) = re.findall(r"```sh\n(.*?)```", CHECK.read_text(), re.DOTALL)
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    statuses = [subprocess.run(["sh", "-c", line], cwd=tmp_path, env=env, capture_output=True, check=False).returncode for line in commands.splitlines()]
    assert statuses == [0, 1, 0], "the project has three refused hooks"


def test_every_format_of_check_is_on_its_page():
    shown = subprocess.run([BIN / "rolegate", "check", "--help"], capture_output=True, text=True, check=True).stdout
    formats = re.search(r"--format <FORMAT>.*?--input", shown, re.DOTALL)[0]
    named = set(re.findall(r"^ +- (\w+):", formats, re.MULTILINE)) or set(re.findall(r"possible values: ([\w, ]+)", formats)[0].split(", "))
    rows = set(re.findall(r"^\| `(\w+)` \|", CHECK.read_text(), re.MULTILINE))
    assert named == rows


