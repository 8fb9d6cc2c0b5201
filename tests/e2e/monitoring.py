"""What operators run beside a gate: a real Prometheus with the shipped rules, and the names that its queries use."""

import json
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

import yaml
from servers import ROOT, Process, free_port, http, wait_for

DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "rolegate.rules.yml").read_text())
ALL_RULES = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in ALL_RULES if "alert" in rule}
RECORDINGS = {rule["record"] for rule in ALL_RULES if "record" in rule}
# Families of docs/metrics.md, with the series that a histogram consists of.
FAMILIES = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
SERIES = {name + suffix for name, kind in FAMILIES.items() for suffix in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))}


def promtool(*arguments) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, cwd=PROMETHEUS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def names(expression: str) -> set[str]:
    """The metrics that a query reads, recorded ones too."""
    words = re.findall(r"[a-zA-Z_:][\w:]*", re.sub(r'"[^"]*"', '""', expression))
    return {word for word in words if word.startswith(("rolegate_", "process_")) or ":" in word}


class Prometheus:
    """A Prometheus with the shipped configuration and rules, which scrapes the given admin addresses every second."""

    def __init__(self, folder: Path, *admins: int, rules=lambda text: text):
        folder.mkdir(parents=True, exist_ok=True)
        targets = ", ".join(f'"127.0.0.1:{admin}"' for admin in admins)
        text = (PROMETHEUS / "prometheus.yml").read_text().replace("15s", "1s").replace('"127.0.0.1:9439"', targets)
        (folder / "prometheus.yml").write_text(text)
        shutil.copy(PROMETHEUS / "rolegate.rules.yml", folder)
        path = folder / "rolegate.rules.yml"
        path.write_text(rules(path.read_text()))
        self.port = free_port()
        command = ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        self.process = Process([*command, f"--web.listen-address=127.0.0.1:{self.port}"], folder / "log", cwd=folder)
        self.process.wait_listening(self.port)
        wait_for("Prometheus", lambda: http(self.port, "/-/ready")[0] == 200)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.process.stop()

    def get(self, path: str, **parameters):
        status, body = http(self.port, f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert status == 200, f"{parameters}: {body}"
        return json.loads(body)["data"]

    def ask(self, expression: str) -> list[dict]:
        """What a query gives now."""
        return self.get("query", query=expression)["result"]

    def firing(self) -> dict[str, dict]:
        """The alerts that fire, by name; of several with one name, the last."""
        alerts = self.get("alerts")["alerts"]
        return {alert["labels"]["alertname"]: alert for alert in alerts if alert["state"] == "firing"}
