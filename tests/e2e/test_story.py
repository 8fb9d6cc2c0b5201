"""A platform team's first weeks: shadow mode, what the dashboard shows, the alert, its runbook, enforcement, and the audit that proves."""

import json
import re
import subprocess

import runbooks
from guide import CHAIN, UNLOAD, A, b
from monitoring import DEPLOY, Prometheus
from servers import BIN, Demo, wait_for
from test_audit_chain import audit, verify
from wire import Wire, query

RUNBOOKS = runbooks.read()
# A trust policy does not know this chain's last role (RG202): a team's nightly job that nobody told anybody of.
FORGOTTEN = f"unload ('select * from venue') to 's3://companyb/nightly/venue_' iam_role '{A},{b('RoleD')}'"
FIXED = FORGOTTEN.replace(f"{A},{b('RoleD')}", CHAIN).replace("/nightly/", "/mended/")


def run(gate: int, user: str, *statements: str) -> list[str]:
    """The SQLSTATEs of the errors that a user gets."""
    with Wire(gate) as wire:
        wire.login(user, "dev", application_name="nightly")
        states = []
        for sql in statements:
            wire.send(query(sql))
            states += [message.fields()["C"] for message in wire.until_ready() if message.kind == "E"]
        return states


def panel(dashboard: str, title: str) -> str:
    """The first query of a panel, as Grafana would ask it."""
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / f"rolegate-{dashboard}.json").read_text())["panels"]
    (found,) = [panel for panel in panels if panel["title"] == title]
    expression = found["targets"][0]["expr"]
    for variable, value in {"$__rate_interval": "10s", "$__range": "5m", "$gate": ".*", "$instance": ".*"}.items():
        expression = expression.replace(variable, value)
    return expression


def follow(command: str, demo: Demo) -> str:
    """Runs a command of a runbook, with this gate's files in the place of a production machine's."""
    data = demo.folder / "data"
    for there, here in {
        "/etc/rolegate/rolegate.toml": data / "rolegate.toml",
        "/var/log/rolegate/audit.jsonl": data / "audit.jsonl",
    }.items():
        command = command.replace(there, str(here))
    command = re.sub(r"^rolegate ", f"{BIN / 'rolegate'} ", command)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=demo.folder, check=False)
    complaints = [line for line in done.stderr.splitlines() if ": note: " not in line]
    assert done.returncode in (0, 1) and not complaints, (command, done.stderr)
    return done.stdout


def configure(demo: Demo, change):
    """Writes the configuration anew; the gate notices by itself."""
    path = demo.folder / "data" / "rolegate.toml"
    path.write_text(change(path.read_text()))


def in_force(prometheus: Prometheus, mode: str):
    wait_for(f"the mode {mode}", lambda: prometheus.ask(f'rolegate_policy_info{{mode="{mode}"}}'), 30)


def soon(rules: str) -> str:
    """The shipped rules, which wait for minutes, not for as long."""
    return re.sub(r"for: \d+[mh]", "for: 1s", rules).replace("interval: 2m", "interval: 1s")


def test_from_shadow_to_an_audit_that_proves(tmp_path, monkeypatch):
    assert audit("keygen", "--name", "gate.example.org/audit", tmp_path / "audit.key").returncode == 0
    checkpoints = tmp_path / "checkpoints"
    monkeypatch.setenv("ROLEGATE__AUDIT__SIGNING_KEY", str(tmp_path / "audit.key"))
    monkeypatch.setenv("ROLEGATE__AUDIT__CHECKPOINT_FILE", str(checkpoints))
    monkeypatch.setenv("ROLEGATE__AUDIT__CHECKPOINT_RECORDS", "5")
    demo = Demo(tmp_path / "demo")
    configure(demo, lambda text: text.replace("[policy]\n", '[policy]\nmode = "shadow"\n'))
    with Prometheus(tmp_path / "prometheus", demo.admin, rules=soon) as prometheus:
        in_force(prometheus, "shadow")

        # Shadow mode: the forgotten job goes on, and the dashboard says that enforcement would break it.
        def nightly():
            assert "42501" not in run(demo.gate, "etl", UNLOAD, FORGOTTEN)
            return prometheus.ask(panel("refusals", "What breaks when I enforce"))

        wait_for("the dashboard", nightly, 30)
        for _night in range(4):
            nightly()
        (broken,) = nightly()
        assert (broken["metric"]["group"], broken["metric"]["code"]) == ("etl", "RG202")
        (user,) = prometheus.ask(panel("refusals", "Whose statements would break"))
        assert (user["metric"]["user"], user["metric"]["kind"]) == ("etl", "unload")

        # The alert rings and names its runbook.
        wait_for("the alert", lambda: "RolegateWouldBeRefused" in prometheus.firing(), 30)
        alert = prometheus.firing()["RolegateWouldBeRefused"]
        assert "demo" in alert["annotations"]["summary"] and alert["annotations"]["runbook_url"].endswith("#rolegatewouldberefused")

        # The runbook is followed: its queries find the job, its commands name user, application and code.
        runbook = RUNBOOKS["RolegateWouldBeRefused"]
        assert all(prometheus.ask(text) for text in runbook.queries)
        counted = [follow(command, demo) for command in runbook.commands if command.startswith("jq")]
        assert re.search(r"^\s*\d+ etl\tnightly\tRG202$", counted[0], re.MULTILINE)
        (report,) = [command for command in runbook.commands if "replay" in command]
        follow(report, demo)
        page = (demo.folder / "enforcement.html").read_text()
        assert "RG202" in page and "RoleD" in page

        # The job is mended, and the gate enforces: the old statement is refused, the new one runs, and the alert for a surge rings.
        configure(demo, lambda text: text.replace('mode = "shadow"', 'mode = "enforce"'))
        in_force(prometheus, "enforce")
        assert run(demo.gate, "etl", FORGOTTEN, FIXED) == ["42501"]
        for _try in range(15):
            run(demo.gate, "etl", FORGOTTEN)
        wait_for("the surge", lambda: "RolegateRefusalsSurge" in prometheus.firing(), 30)
        assert any(row["metric"]["code"] == "RG202" for row in prometheus.ask(panel("refusals", "What is refused")))
        surge = RUNBOOKS["RolegateRefusalsSurge"]
        last = follow(next(command for command in surge.commands if command.startswith("jq")), demo)
        assert last.strip() and all("\tnightly\t" in line and "\tRG202\t" in line for line in last.splitlines())
        explain = next(command for command in surge.commands if "can-assume" in command)
        assert "sts:AssumeRole" in follow(explain.replace(b("RoleB"), b("RoleD")), demo)
    assert demo.stop() == 0
    proves(demo, tmp_path, checkpoints)


def proves(demo: Demo, tmp_path, checkpoints):
    """The audit verifies whole; one byte changed, and the place is named."""
    path = demo.folder / "data" / "audit.jsonl"
    arguments = ["--key", tmp_path / "audit.key.pub", "--checkpoint", checkpoints]
    whole = verify(*arguments, path)
    assert whole["problems"] == whole["gaps"] == [] and whole["records"] > 20
    lines = path.read_bytes().splitlines(keepends=True)
    (place, *_more) = [number for number, line in enumerate(lines) if b'"action":"reject"' in line]
    # Somebody makes the refusal of RoleD one of RoleC.
    lines[place] = lines[place].replace(b"role/RoleD", b"role/RoleC", 1)
    copy = tmp_path / "changed.jsonl"
    copy.write_bytes(b"".join(lines))
    assert sum(a != b for a, b in zip(path.read_bytes(), copy.read_bytes(), strict=True)) == 1
    (problem, *_others) = verify(*arguments, copy)["problems"]
    assert (problem["file"], problem["line"]) == (str(copy), place + 1), problem
