"""What operators run: alert rules, scrape configuration, dashboard, unit and image files."""

import json
import re
import shutil
import urllib.parse

from guide import CHAIN, UNLOAD, A, b
from servers import ROOT, Process, free_port, http, wait_for
from wire import Wire, query

PROMETHEUS = ROOT / "deploy" / "prometheus"


def ask(prometheus, expression):
    status, body = http(prometheus, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
    answer = json.loads(body)
    assert (status, answer["status"]) == (200, "success"), f"{expression}: {body}"
    return answer["data"]["result"]


def test_dashboard_queries_have_answers(demo, tmp_path):
    """A real Prometheus scrapes the demo; every query of the dashboard must be valid and find something."""
    port = free_port()
    text = (PROMETHEUS / "prometheus.yml").read_text()
    text = text.replace("15s", "1s").replace("127.0.0.1:9439", f"127.0.0.1:{demo.admin}")
    (tmp_path / "prometheus.yml").write_text(text)
    shutil.copy(PROMETHEUS / "rolegate.rules.yml", tmp_path)
    server = Process(
        [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        tmp_path / "log",
        cwd=tmp_path,
    )
    try:
        server.wait_listening(port)
        with Wire(demo.gate) as wire:
            wire.login("etl", "dev")

            def traffic():
                for sql in ["select 1", UNLOAD, UNLOAD, UNLOAD.replace(CHAIN, f"{A},{b('RoleD')}")]:
                    wire.send(query(sql))
                    wire.until_ready()

            def scraped():
                traffic()
                return len(ask(port, "count_over_time(rolegate_build_info[1m]) > 3")) == 1

            wait_for("four scrapes", scraped, 30)
        dashboard = json.loads((ROOT / "deploy" / "grafana" / "rolegate-chains.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        expressions += [entry["expr"] for entry in dashboard["annotations"]["list"]]
        assert len(expressions) > 10
        for expression in expressions:
            for name, value in {"$__rate_interval": "1m", "$__range": "5m", "$gate": ".*"}.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, expression
            found = ask(port, expression)
            assert found or "changes(" in expression, f"{expression} finds nothing"
    finally:
        server.stop()


def test_unit_file_starts_what_exists():
    unit = (ROOT / "deploy" / "systemd" / "rolegate.service").read_text()
    commands = re.findall(r"^Exec\w+=/usr/local/bin/rolegate (.*)$", unit, re.MULTILINE)
    assert commands == ["config check /etc/rolegate/rolegate.toml", "serve --config /etc/rolegate/rolegate.toml"]
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "USER 10001" in image and '"serve", "--config"' in image
