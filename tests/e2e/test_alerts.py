"""The alerts: each fires, ignores a blip, sees a fresh process's failures and lasts as long as its cause; each has a runbook."""

import json
import re
import subprocess
from dataclasses import fields

import pytest
import yaml
from alert_cases import CASES, Case
from servers import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "rolegate.rules.yml").read_text())
ALL = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL if "alert" in rule}
RECORDINGS = [rule for rule in ALL if "record" in rule]


def promtool(*arguments) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, cwd=PROMETHEUS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
        read = " ".join(rule["expr"] for rule in ALL if (rule.get("alert") or rule["record"]) in names)
        more = {rule["record"] for rule in RECORDINGS if rule["record"] in read}
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
