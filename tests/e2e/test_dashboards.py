"""The dashboards: what is checked in is what the generator writes, and every query finds something in a real Prometheus that scrapes real
gates under load."""

import importlib.util
import json
import math
import threading
import time

import pytest
import runbooks
import yaml
from guide import CHAIN, REFUSALS, UNLOAD, A
from monitoring import ALL_RULES, DEPLOY, FAMILIES, RECORDINGS, SERIES, Prometheus, names
from servers import Demo, http, wait_for
from wire import Wire, query

GRAFANA = DEPLOY / "grafana"
DASHBOARDS = {path.name: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))}
# What Grafana puts in the place of its variables.
VARIABLES = {"$__rate_interval": "10s", "$__range": "1m", "$gate": ".*", "$instance": ".*"}
# Nothing of the load does what these tell of: only the numbers are missing, not the series.
QUIET = {"rolegate_facts_fetch_seconds_bucket"}
# Shown where the configuration has exceptions.
OPTIONAL = {"rolegate_exception_uses_total"}


def test_the_files_are_what_the_generator_writes():
    specification = importlib.util.spec_from_file_location("generate", GRAFANA / "generate.py")
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    assert {path.name: path.read_text() for path in (GRAFANA / "dashboards").iterdir()} == generate.files()


def test_dashboards_are_alike_and_every_panel_is_described():
    assert len(DASHBOARDS) == 5
    variables = [[variable["name"] for variable in dashboard["templating"]["list"]] for dashboard in DASHBOARDS.values()]
    assert all(names == ["datasource", "gate", "instance"] for names in variables)
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == 5
    for name, dashboard in DASHBOARDS.items():
        assert len(dashboard["panels"]) >= 10, name
        places = set()
        for panel in dashboard["panels"]:
            assert len(panel["description"]) > 20 and panel["description"].endswith("."), (name, panel["title"])
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            assert not cells & places and max(x for x, _y in cells) < 24, f"{name}: {panel['title']} covers another panel"
            places |= cells


def test_dashboards_are_provisioned():
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "rolegate.yml").read_text())["providers"]
    assert provider["type"] == "file" and provider["options"]["path"].endswith("dashboards/rolegate")
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"


def expressions(dashboard: dict) -> list[str]:
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return found + [annotation["expr"] for annotation in dashboard["annotations"]["list"]]


def test_dashboards_read_what_is_on_the_page_of_metrics():
    for name, dashboard in DASHBOARDS.items():
        for expression in expressions(dashboard):
            assert names(expression) <= SERIES | RECORDINGS, (name, expression)
    shown = set().union(*(names(expression) for dashboard in DASHBOARDS.values() for expression in expressions(dashboard)))
    families = {series.removesuffix("_bucket") for series in shown}
    # Those that say how often something was measured are shown by what was measured.
    left_out = {"rolegate_facts_age_seconds", "process_virtual_memory_bytes", "process_threads"}
    assert set(FAMILIES) - families <= left_out, "a family that no dashboard shows"


class Load:
    """Statements of all sorts, by two users, until it is stopped."""

    def __init__(self, *gates: int):
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(gate,), daemon=True) for gate in gates]
        for thread in self.threads:
            thread.start()

    def work(self, gate: int):
        number = 0
        while not self.over.is_set():
            number += 1
            for user in ("etl", "analyst"):
                with Wire(gate) as wire:
                    wire.starttls()
                    wire.login(user, "dev", application_name="dbt")
                    for sql in self.statements(user, number):
                        wire.send(query(sql))
                        wire.until_ready()
            with Wire(gate) as wire:
                wire.login("etl", "dev", password="wrong")
            time.sleep(0.2)

    @staticmethod
    def statements(user: str, number: int) -> list[str]:
        refused = [refusal.sql for refusal in REFUSALS if refusal.user == user]
        return [
            "select 1",
            *refused,
            UNLOAD,
            UNLOAD.replace("venue_pipe_", f"venue_{number}_"),
            f"create external schema s{number} from data catalog database 'd' iam_role '{A}'",
            "copy venue from 's3://companyb/redshift/venue_pipe_' access_key_id 'AKIAEXAMPLE' secret_access_key 'x'",
            f"copy venue from 's3://nowhere/{number}' iam_role '{CHAIN}'",
        ]

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A Prometheus that scrapes two gates under load: one enforces, one is in shadow mode and waits for a restart."""
    folder = tmp_path_factory.mktemp("watched")
    demos = []
    with pytest.MonkeyPatch.context() as patch:
        for mode in ("enforce", "shadow"):
            patch.setenv("ROLEGATE__POLICY__MODE", mode)
            demos.append(Demo(folder / mode))
    for demo, more in zip(demos, ("[log]\nlevel = \"debug\"\n", '[log]\nformat = "json"\n'), strict=True):
        config = demo.folder / "data" / "rolegate.toml"
        config.write_text(f"{config.read_text()}\n{more}")
    load = Load(*(demo.gate for demo in demos))
    # Rules that remember are evaluated every two minutes; here the test does not wait for them.
    rules = lambda text: text.replace("interval: 2m", "interval: 1s")  # noqa: E731
    try:
        with Prometheus(folder / "prometheus", *(demo.admin for demo in demos), rules=rules) as prometheus:
            wait_for("samples", lambda: prometheus.ask('min(count_over_time(up{job="rolegate"}[5m])) > 12'), 90)
            yield prometheus, demos
    finally:
        load.stop()
        codes = [demo.stop() for demo in demos]
    assert codes == [0, 0]


def finite(result: list[dict]) -> bool:
    return any(math.isfinite(float(series["value"][1])) for series in result)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_finds_something(name, watched):
    prometheus, _demos = watched
    for expression in expressions(DASHBOARDS[name]):
        asked = expression
        for variable, value in VARIABLES.items():
            asked = asked.replace(variable, value)
        assert "$" not in asked, asked
        found = prometheus.ask(asked)
        assert found or "changes(rolegate_reload" in asked, f"{asked} finds nothing"
        assert not found or finite(found) or names(asked) & QUIET, f"{asked} finds no number: {found}"


def test_queries_of_rules_and_runbooks_are_understood(watched):
    prometheus, _demos = watched
    for rule in ALL_RULES:
        prometheus.ask(rule["expr"])
    health = {rule["name"]: rule["health"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]}
    assert set(health.values()) == {"ok"}, health
    for name, runbook in runbooks.read().items():
        for text in runbook.queries:
            assert isinstance(prometheus.ask(text), list), (name, text)


def test_every_metric_of_the_page_is_scraped(watched):
    prometheus, demos = watched
    scraped = set(prometheus.get("label/__name__/values"))
    for name, kind in FAMILIES.items():
        shown = name + ("_bucket" if kind == "histogram" else "")
        assert shown in scraped | OPTIONAL, f"no gate shows {name}"
    used = set().union(*(names(rule["expr"]) for rule in ALL_RULES)) - RECORDINGS
    assert used <= scraped, used - scraped
    for demo in demos:
        assert http(demo.admin, "/metrics")[0] == 200


def test_the_story_of_two_replicas_that_differ_is_told(watched):
    """The load refuses, so that the alerts for it fire; those for which there is no cause stay silent."""
    prometheus, _demos = watched

    def pending_or_firing():
        return {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"]}

    expected = {"RolegateRefusalsSurge", "RolegateWouldBeRefused", "RolegateStaticKeys", "RolegatePolicyDiffers", "RolegateRestartPending"}
    wait_for("the alerts", lambda: expected <= pending_or_firing(), 30)
    silent = {"RolegateDown", "RolegateAbsent", "RolegateReloadRefused", "RolegateAuditFailing", "RolegateAuditRecordsLost", "RolegatePanicked"}
    assert not silent & pending_or_firing()
