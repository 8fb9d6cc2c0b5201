"""The alerts: each fires, ignores a blip, sees a fresh process's failures and lasts as long as its cause; each has a runbook."""

import json
import re
import shlex
import subprocess
from dataclasses import fields

import pytest
import runbooks
from alert_cases import CASES, Case
from monitoring import ALERTS, ALL_RULES, FAMILIES, RECORDINGS, RULES, SERIES, names, promtool
from servers import BIN, ROOT

RUNBOOKS = runbooks.read()


def test_the_files_are_valid():
    promtool("check", "rules", "rolegate.rules.yml")
    promtool("check", "config", "prometheus.yml")


def labels_of(alert: dict) -> set[str]:
    """The labels that an alert's texts name."""
    return set(re.findall(r"\$labels\.(\w+)", json.dumps(alert["annotations"])))


def unit_test(name: str, case: Case) -> dict:
    """A test of promtool: how many alerts of a name fire, and that each has the labels that its texts name."""
    firing = ", ".join([f'alertname="{name}", alertstate="firing"', *(f'{label}!=""' for label in sorted(labels_of(ALERTS[name])))])
    return {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f"count(ALERTS{{{firing}}}) or vector(0)",
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": count}],
            }
            for minute, count in case.firing.items()
        ],
    }


def needed(name: str) -> dict:
    """The rules that an alert goes by, so that a test evaluates only what it tests: the alert, and the recordings that it and they name."""
    names, more = set(), {name}
    while more - names:
        names |= more
        read = " ".join(rule["expr"] for rule in ALL_RULES if (rule.get("alert") or rule["record"]) in names)
        more = {record for record in RECORDINGS if record in read}
    groups = [{**group, "rules": [rule for rule in group["rules"] if (rule.get("alert") or rule["record"]) in names]} for group in RULES["groups"]]
    return {"groups": [group for group in groups if group["rules"]]}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert(name, tmp_path):
    cases = CASES[name]
    (tmp_path / "rules.yml").write_text(json.dumps(needed(name)))
    for case in fields(cases):
        tests = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [unit_test(name, getattr(cases, case.name))]}
        path = tmp_path / f"{case.name}.yml"
        path.write_text(json.dumps(tests))
        assert "SUCCESS" in promtool("test", "rules", path)


def test_each_alert_has_cases_that_fire_and_that_do_not():
    assert set(CASES) == set(ALERTS) and len(ALERTS) >= 24
    for name, cases in CASES.items():
        for case in ("fires", "fresh", "clears"):
            assert any(getattr(cases, case).firing.values()), (name, case)
        assert not any(cases.blip.firing.values()), name
        *_before, last = cases.clears.firing.values()
        assert last == 0, f"{name} never clears"


def test_each_alert_says_what_and_where_to_look():
    for name, alert in ALERTS.items():
        assert alert["labels"]["severity"] in ("critical", "warning", "info"), name
        texts = alert["annotations"]
        assert set(texts) == {"summary", "description", "runbook_url"}, name
        assert len(texts["summary"]) < 120 and len(texts["description"]) > 30, name
        assert texts["runbook_url"].endswith(f"/docs/runbooks.md#{name.lower()}"), name


def test_each_alert_has_a_runbook_and_each_runbook_an_alert():
    assert list(RUNBOOKS) == list(ALERTS), "the order is that of the rules"
    for name, runbook in RUNBOOKS.items():
        assert "**Look at**" in runbook.text and re.search(r"\*\*[Dd]o", runbook.text), name
        assert runbook.queries, f"{name} has no query"
        for link in re.findall(r"\]\(#(\w+)\)", runbook.text):
            assert link in {alert.lower() for alert in ALERTS}, (name, link)


def test_every_metric_that_is_used_is_on_the_page_of_metrics():
    assert len(FAMILIES) > 50
    for rule in ALL_RULES:
        assert names(rule["expr"]) <= SERIES | RECORDINGS, (rule, names(rule["expr"]) - SERIES)
    for name, runbook in RUNBOOKS.items():
        for query in runbook.queries:
            assert names(query) <= SERIES | RECORDINGS, (name, query)


def test_commands_of_the_runbooks_exist():
    """Each subcommand of rolegate, with the options that the runbook gives it."""
    commands = {command for runbook in RUNBOOKS.values() for command in runbook.commands if command.startswith("rolegate ")}
    assert len(commands) > 8
    for command in commands:
        words = shlex.split(command.split(">")[0])[1:]
        subcommand = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        shown = subprocess.run([BIN / "rolegate", *subcommand, "--help"], capture_output=True, text=True, check=False)
        assert shown.returncode == 0, command
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"{option}\b", shown.stdout), f"{command}: no {option}"


def test_scripts_of_the_runbooks_run(demo, tmp_path):
    """What jq is asked about the audit is asked about a real one."""
    commands = [command for runbook in RUNBOOKS.values() for command in runbook.commands if command.startswith("jq ")]
    assert len(commands) > 8
    for command in commands:
        command = command.replace("/var/log/rolegate/audit.jsonl", str(demo.folder / "data" / "audit.jsonl"))
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0 and not done.stderr, (command, done.stderr)
