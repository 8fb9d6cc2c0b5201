"""What the metrics show of a real gate, and what nobody can make them show."""

import gzip
import re
import subprocess
import urllib.request

from guide import CHAIN, UNLOAD, b
from questions import ask, samples
from servers import free_port, http, wait_for
from wire import Wire, query

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
MADE_UP = 2_000


def get(port, path="/metrics", **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers, answer.read()


def test_metrics_are_well_formed(demo):
    ask(demo.gate, UNLOAD)
    text = http(demo.admin, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_openmetrics_names_the_decision_behind_a_series(demo):
    ask(demo.gate, UNLOAD)
    headers, body = get(demo.admin, Accept=OPENMETRICS)
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    text = body.decode()
    assert text.endswith("# EOF\n")
    named = set(re.findall(r'# \{decision_id="([0-9a-f]{16}-\d+)"\}', text))
    records = {record["id"] for record in demo.verdicts()}
    assert named
    assert named <= records
    of_chain = [line for line in text.splitlines() if line.startswith("rolegate_chain_uses_total") and "RoleA" in line and "decision_id" in line]
    assert of_chain
    assert any(line.startswith("rolegate_decision_seconds_bucket") and "decision_id" in line for line in text.splitlines())


def test_answers_are_compressed_for_those_who_take_it(gate):
    headers, body = get(gate.admin, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert b"rolegate_build_info" in gzip.decompress(body)
    headers, body = get(gate.admin, Accept_Encoding="identity")
    assert headers["Content-Encoding"] is None
    assert b"rolegate_build_info" in body


def test_what_a_client_makes_up_shows_nowhere(demo):
    ask(demo.gate, UNLOAD)
    before = http(demo.admin, "/metrics")[1]
    with Wire(demo.gate) as wire:
        wire.login("etl", "dev")
        for number in range(MADE_UP):
            chain = f"arn:aws:iam::123456789012:role/MadeUp{number},{b(f'MadeUp{number}')}"
            wire.send(query(UNLOAD.replace(CHAIN, chain)))
            wire.until_ready()
    after = http(demo.admin, "/metrics")[1]
    assert "MadeUp" not in after
    assert len(after) - len(before) < 100_000
    assert 'chain="unknown"' in after
    seen = [line.split(" ")[0] for line in before.splitlines() if "RoleA" in line]
    assert all(series in after for series in seen)


def test_users_that_were_not_let_in_have_no_name(gate):
    before = samples(gate.metrics())
    for number in range(20):
        with Wire(gate.port) as wire:
            wire.login(f"stranger{number}", "postgres")
    with Wire(gate.port) as wire:
        wire.login("postgres", "no_such_database")

    def logins(result):
        sample = f'rolegate_logins_total{{gate="test",result="{result}"}}'
        return samples(gate.metrics())[sample] - before[sample]

    wait_for("the failed logins", lambda: (logins("authorization"), logins("database"), logins("ok")) == (20, 1, 0))
    assert "stranger" not in gate.metrics()


def test_outcomes_are_counted_and_recorded(demo):
    known = {record["of"] for record in demo.records("outcome")}
    ask(demo.gate, UNLOAD)
    wait_for("the outcomes", lambda: len(demo.records("outcome")) >= len(known) + 1)
    records = {record["id"]: record for record in demo.verdicts()}
    fresh = [record for record in demo.records("outcome") if record["of"] not in known]
    assert fresh
    for record in fresh:
        assert records[record["of"]]["session"] == record["session"]
        assert record["seconds"] > 0
    shown = samples(http(demo.admin, "/metrics")[1])
    assert shown['rolegate_statement_outcomes_total{gate="demo",kind="unload",outcome="completed"}'] >= 1
    assert shown['rolegate_statement_seconds_count{gate="demo",outcome="completed"}'] >= 1


def test_sessions_by_state_and_their_limits(postgres, start):
    gate = start(postgres.port, gate_extra="[gate.limits]\nmax_sessions = 7\nmax_sessions_per_user = 5")
    with Wire(gate.port) as idle, Wire(gate.port) as busy:
        idle.login("postgres", "postgres")
        busy.login("postgres", "postgres")
        busy.send(query("begin"))
        busy.until_ready()

        def shown():
            return samples(gate.metrics())

        wait_for("the states", lambda: shown()['rolegate_sessions{gate="test",state="in_transaction"}'] == 1)
        now = shown()
        assert now['rolegate_sessions{gate="test",state="idle"}'] == 1
        assert now['rolegate_sessions_most_held{gate="test",holder="user"}'] == 2
        assert now['rolegate_limit{gate="test",limit="sessions"}'] == 7
        assert now['rolegate_limit{gate="test",limit="sessions_per_user"}'] == 5
        assert 'rolegate_limit{gate="test",limit="sessions_per_address"}' not in now
        busy.send(query("select pg_sleep(2)"))
        wait_for("the query", lambda: shown()['rolegate_sessions{gate="test",state="active"}'] == 1)
        busy.until_ready()


def test_what_the_process_and_its_configuration_are(gate):
    text = gate.metrics()
    assert re.search(r'rolegate_build_info\{commit="[^"]+",rustc="1\.[^"]+",version="[^"]+"\} 1', text)
    assert re.search(r'rolegate_config_info\{version="[0-9a-f]{16}"\} 1', text)
    shown = samples(text)
    assert shown["rolegate_panics_total"] == 0
    assert shown['rolegate_log_messages_total{level="info"}'] > 0
    assert shown["rolegate_series_limit"] == 5000


def test_readiness_says_why(postgres, start, tmp_path):
    gate = start(postgres.port, admin_extra='readiness = ["backend"]')
    assert http(gate.admin, "/readyz") == (200, "ready\n")
    status, body = http(gate.admin, "/readyz?verbose")
    assert (status, body) == (200, "[+] gates: ok\n[+] audit: ok\n[+] certificate: ok\n[+] backend: ok\n")
    alone = start(free_port(), admin_extra='readiness = ["backend"]')
    assert http(alone.admin, "/readyz") == (503, "backend: none of the gates' clusters can be reached\n")
    assert http(alone.admin, "/healthz") == (200, "ok\n")
