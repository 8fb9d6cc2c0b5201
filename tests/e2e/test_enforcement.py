"""Enforcement by degrees: modes, exceptions with an end, break-glass, and what is said of them."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from command_line import rolegate
from guide import CHAIN, UNLOAD, A
from questions import ask, samples, verdict
from servers import ROOT, Demo, http, wait_for
from wire import SYNC, Wire, bind, execute, parse

NOT_ATTACHED = UNLOAD.replace(CHAIN, "arn:aws:iam::123456789012:role/Nobody")


@pytest.fixture
def server(tmp_path):
    server = Demo(tmp_path)
    yield server
    assert server.stop() == 0


def reload(server, **files):
    """Writes files of the configuration's folder; the configuration gains what `policy` and `gate` say."""
    data, applied = server.folder / "data", 'rolegate_reloads_total{result="applied",what="config"}'
    before = samples(http(server.admin, "/metrics")[1])[applied]
    for name, text in files.items():
        if name in ("policy", "gate"):
            config, header = data / "rolegate.toml", {"policy": "[policy]\n", "gate": "[[gate]]\n"}[name]
            config.write_text(config.read_text().replace(header, header + text))
        else:
            (data / f"{name}.toml").write_text(text)
    server.process.send(signal.SIGHUP)
    wait_for("the reload", lambda: samples(http(server.admin, "/metrics")[1])[applied] > before)


def exception(seconds, users='["analyst"]', codes='["RG301"]', name="SEC-1"):
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return (
        f'[[exception]]\nid = "{name}"\nusers = {users}\ncodes = {codes}\nuntil = {until}\n'
        f'owner = "platform"\nticket = "{name}"\nreason = "it moves"\n\n'
    )


def warning(server, sql, user):
    return next(message.fields()["M"] for message in ask(server.gate, sql, user) if message.kind == "N" and message.fields()["M"].startswith("RG"))


def test_the_more_specific_mode_wins(server):
    assert verdict(server.gate, UNLOAD, "analyst") == ("reject", "RG301")
    assert verdict(server.gate, NOT_ATTACHED) == ("reject", "RG201")
    reload(server, gate='mode = "shadow"\n')
    assert verdict(server.gate, UNLOAD, "analyst") == ("annotate", "RG301")
    assert verdict(server.gate, NOT_ATTACHED) == ("annotate", "RG201")
    reload(server, policy='mode_by_group = { etl = "enforce" }\n')
    assert verdict(server.gate, UNLOAD, "analyst") == ("annotate", "RG301")
    assert verdict(server.gate, NOT_ATTACHED) == ("reject", "RG201")
    reload(server, policy='mode_by_code = { RG301 = "enforce", RG206 = "shadow", RG201 = "shadow" }\n')
    assert verdict(server.gate, UNLOAD, "analyst") == ("reject", "RG301")
    assert verdict(server.gate, NOT_ATTACHED)[0] == "annotate"
    rules = server.folder / "data" / "rules" / "demo.cedar"
    rules.write_text(rules.read_text().replace('@id("no-cross', '@mode("shadow")\n@id("no-cross'))
    reload(server)
    assert verdict(server.gate, UNLOAD, "analyst") == ("annotate", "RG301")
    last = lambda: [record for record in server.verdicts() if record["user"] == "analyst"][-1]  # noqa: E731
    wait_for("the record", lambda: last()["action"] == "annotate")
    record = last()
    assert (record["would_be"], record["action"], record["mode"], record["shadow"]) == ("reject", "annotate", "shadow", True)
    assert [finding["lenience"] for finding in record["findings"] if finding["severity"] == "reject"] == ["shadow"]
    shown = rolegate("config", "show", server.folder / "data" / "rolegate.toml", "--for", "etl").stdout
    assert "gate demo, user etl, in etl\n" in shown and "\n  enforce, by policy.mode_by_group (group \"etl\")\n" in shown
    assert "  enforce for RG301, by policy.mode_by_code\n" in shown and 'shadow for rule "' in shown
    shown = rolegate("config", "show", server.folder / "data" / "rolegate.toml", "--for", "analyst").stdout
    assert "user analyst, in analysts\n" in shown and "\n  shadow, by the gate's own mode\n" in shown


def test_an_exception_ends_at_its_minute(server):
    """Though its verdict is cached and its statement prepared; and it is nobody else's."""
    ends, written = time.monotonic() + 20, exception(20)
    reload(server, policy='exceptions = "exceptions.toml"\n', exceptions=written)
    with Wire(server.gate) as wire:
        wire.login("analyst", "dev")
        wire.send(parse(UNLOAD, "u"), bind("u"), execute(), SYNC)
        assert "E" not in [message.kind for message in wire.until_ready()]
        for _ in range(2):
            assert verdict(server.gate, UNLOAD, "analyst") == ("annotate", "RG301")
        told = warning(server, UNLOAD, "analyst")
        assert '(exception "SEC-1" until ' in told and told.endswith(": the statement would have been refused)")
        received = [json.loads(line)["sql"] for line in server.received().splitlines() if "verdict=annotate" in line]
        assert received[-1].endswith("\n/* rolegate verdict=annotate codes=RG301 exception=SEC-1 */")
        assert verdict(server.gate, NOT_ATTACHED, "analyst") == ("reject", "RG201"), "what it is not about"
        wire.send(bind("u"), execute(), SYNC)
        assert "E" not in [message.kind for message in wire.until_ready()], "it holds still"
        assert time.monotonic() < ends, "the machine is too slow for this test"
        counts = samples(http(server.admin, "/metrics")[1])
        assert counts['rolegate_exceptions{days_left="today"}'] == 1 and counts['rolegate_exceptions{days_left="over"}'] == 0
        assert counts['rolegate_exception_uses_total{exception="SEC-1",gate="demo"}'] >= 4
        time.sleep(max(0, ends - time.monotonic()) + 0.1)
        assert verdict(server.gate, UNLOAD, "analyst") == ("reject", "RG301")
        wire.send(bind("u"), execute(), SYNC)
        assert next(message for message in wire.until_ready() if message.kind == "E").fields()["M"].startswith("RG301")
    assert samples(http(server.admin, "/metrics")[1])['rolegate_exceptions{days_left="over"}'] == 1
    first = next(record for record in server.verdicts() if record["user"] == "analyst")
    assert (first["would_be"], first["action"], first["mode"], first["exceptions"]) == ("reject", "annotate", "enforce", ["SEC-1"])


def test_an_exception_is_nobody_elses(server):
    reload(server, policy='exceptions = "exceptions.toml"\nmode_by_group = { analysts = "enforce" }\n', exceptions=exception(600, '["etl"]', '["RG201", "RG206"]'))
    with Wire(server.gate) as wire:
        wire.login("etl", "dev")
        wire.send(parse(NOT_ATTACHED, "n"), SYNC)
        assert "E" not in [message.kind for message in wire.until_ready()]
    assert verdict(server.gate, NOT_ATTACHED, "etl") == ("annotate", "RG201")
    assert verdict(server.gate, NOT_ATTACHED, "analyst") == ("reject", "RG201")
    assert verdict(server.gate, NOT_ATTACHED, "etl") == ("annotate", "RG201")


def test_a_broken_file_of_exceptions_changes_nothing(server):
    reload(server, policy='exceptions = "exceptions.toml"\n', exceptions=exception(600))
    path = server.folder / "data" / "exceptions.toml"
    path.write_text(exception(600, '["analyst", "etl"]', '["RG201", "RG206", "RG301"]').replace('owner = "platform"', 'onwer = "platform"'))
    # Nobody asks: the file is watched.
    refused = 'rolegate_reloads_total{result="refused",what="config"}'
    wait_for("the refusal", lambda: samples(http(server.admin, "/metrics")[1])[refused] > 0)
    assert "exceptions.toml: line 6, column 1" in server.process.output() and "onwer" in server.process.output()
    assert verdict(server.gate, UNLOAD, "analyst") == ("annotate", "RG301"), "the old ones stay"
    assert verdict(server.gate, NOT_ATTACHED) == ("reject", "RG201"), "and nothing of the new ones holds"
    path.write_text("# none\n")
    wait_for("the end of the exception", lambda: verdict(server.gate, UNLOAD, "analyst") == ("reject", "RG301"))


def test_break_glass(server):
    config = (server.folder / "data" / "rolegate.toml").read_text()
    config = config.replace("[policy]\n", '[policy]\nbreak_glass = ["oncall"]\n')
    reload(server, rolegate=config.replace("[policy.groups]\n", '[policy.groups]\noncall = ["analyst"]\n'))
    assert verdict(server.gate, NOT_ATTACHED) == ("reject", "RG201")
    assert verdict(server.gate, UNLOAD, "analyst") == ("annotate", "RG301")
    assert verdict(server.gate, "set client_encoding to 'SJIS'", "analyst") == ("annotate", "RG109")
    assert '(break-glass group "oncall": the statement would have been refused)' in warning(server, UNLOAD, "analyst")
    counts = samples(http(server.admin, "/metrics")[1])
    assert counts['rolegate_break_glass_total{gate="demo"}'] == 3
    lines = server.records()
    broken = [record for record in lines if record["event"] == "break_glass"]
    assert {(record["user"], record["break_glass"], record["would_be"], record["action"]) for record in broken} == {("analyst", "oncall", "reject", "annotate")}
    assert not [record for record in lines if record["event"] == "verdict" and record["user"] == "analyst"]
    assert "refused nothing, by policy.break_glass" in rolegate("config", "show", server.folder / "data" / "rolegate.toml", "--for", "analyst").stdout


def test_exceptions_are_listed(tmp_path):
    config = (ROOT / "config" / "rolegate.toml").read_text().replace('rules = ["examples', f'rules = ["{ROOT}/config/examples')
    config = config.replace("demo/", f"{ROOT}/config/demo/").replace('# exceptions = "exceptions.toml"', 'exceptions = "exceptions.toml"')
    (tmp_path / "rolegate.toml").write_text(config)
    (tmp_path / "exceptions.toml").write_text(exception(86400 * 9.5, name="LATER") + exception(-5, name="GONE"))
    listed = rolegate("policy", "exceptions", tmp_path / "rolegate.toml")
    assert listed.returncode == 0
    lines = listed.stdout.splitlines()
    assert lines[0].startswith("GONE  until ") and lines[0].endswith("(over)") and lines[3].endswith("(9 days left)")
    assert lines[1] == "  RG301 for user analyst" and lines[2] == "  owner platform, ticket GONE: it moves"
    assert lines[-1] == "2 exceptions, 1 of them over"
    rows = [json.loads(line) for line in rolegate("policy", "exceptions", tmp_path / "rolegate.toml", "--format", "json").stdout.splitlines()]
    assert [(row["id"], row["over"], row["days_left"]) for row in rows] == [("GONE", True, None), ("LATER", False, 9)]
    sql = tmp_path / "x.sql"
    sql.write_text(f"unload ('select 1') to 's3://companyb/x' iam_role '{A}, x'")
    (tmp_path / "exceptions.toml").write_text(exception(600, '["analyst"]', '["RG101"]'))
    check = ["check", "--config", tmp_path / "rolegate.toml", "--format", "json", sql]
    row = json.loads(rolegate(*check, "--user", "analyst", "--as-configured").stdout)
    assert (row["verdict"], row["would_be"]) == ("annotate", "reject")
    assert {finding["code"]: finding.get("lenient_by") for finding in row["findings"]}["RG101"] == "SEC-1"
