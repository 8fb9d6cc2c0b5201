"""What the cluster's own history holds and the gate did not pass. A PostgreSQL plays the cluster: views with the same columns stand in a schema
on the search path of the gate's own user."""

import json
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest
from command_line import rolegate
from questions import ask, samples
from servers import ROOT, Gate, wait_for

ROLE = "arn:aws:iam::123456789012:role/RoleA"
VIEWS = """
create schema hist;
create table hist.sys_query_history (user_id int, query_id bigint, transaction_id bigint, session_id int, database_name text, status text,
  start_time timestamp, query_text text, username text);
create table hist.sys_query_text (user_id int, query_id bigint, transaction_id bigint, session_id int, start_time timestamp, sequence int, text text);
create table hist.sys_connection_log (record_time timestamp, event text, remote_host text, remote_port text, session_id int, database_name text,
  user_name text, application_name text);
create user hist_reader;
alter user hist_reader set search_path to hist;
grant usage on schema hist to hist_reader;
grant select on all tables in schema hist to hist_reader
"""


@pytest.fixture
def cluster(postgres):
    def run(sql):
        for message in ask(postgres.port, sql, "postgres", "postgres"):
            assert message.kind != "E", message.fields()

    run(VIEWS)
    yield run
    run("drop schema hist cascade; drop owned by hist_reader; drop user hist_reader")


def copy(table, role=ROLE):
    return f"copy {table} from 's3://b/{table}' iam_role '{role}'"


def moment(seconds=0):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def connected(cluster, address, port, pid):
    cluster(f"insert into hist.sys_connection_log values ('{moment()}', 'authenticated', '::ffff:{address}', '{port}', {pid}, 'postgres', 'postgres', 'psql')")


def ran(cluster, query, pid, text):
    quoted = text.replace("'", "''")
    cluster(f"insert into hist.sys_query_history values (100, {query}, 1, {pid}, 'postgres', 'success', '{moment(1)}', '{quoted}', 'postgres')")


def test_what_did_not_pass_the_gate_is_told_once(postgres, cluster, tmp_path):
    server = Gate(
        tmp_path / "gate",
        postgres.port,
        dialect="redshift",
        gate_extra='catalog = { user = "hist_reader", database = "postgres" }\ncoverage = { interval = "10s" }',
    )
    ask(server.port, copy("seen"), "postgres", "postgres")
    wait_for("the login's record", lambda: server.records("login"))
    login = server.records("login")[0]
    assert login["gate_address"] == "127.0.0.1" and login["gate_port"] > 0
    connected(cluster, login["gate_address"], login["gate_port"], login["backend_pid"])
    ran(cluster, 1, login["backend_pid"], copy("seen", ""))
    connected(cluster, "10.9.9.9", 5000, 77)
    ran(cluster, 2, 77, copy("beside", ""))
    # More than a page of what carries no role, and a text that goes on in another view.
    cluster(f"insert into hist.sys_query_history select 100, n, 1, 77, 'postgres', 'success', '{moment()}', 'select ' || n, 'postgres' from generate_series(10, 1210) n")
    long = copy("long", "").replace("long from", "long (" + ",".join(["c"] * 2100) + ") from")
    ran(cluster, 3, 77, long[:4000])
    for number in range(2):
        piece = long[number * 4000 : number * 4000 + 4000].replace("'", "''")
        cluster(f"insert into hist.sys_query_text values (100, 3, 1, 77, '{moment()}', {number}, '{piece}')")

    def command(*more):
        return rolegate("coverage", "--config", server.config, "--since", "1h", *more)

    done = command("--format", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["seen"], report["seen_by"]) == (1, 1, {"connection": 1}), (report, done.stderr)
    assert [(row["reason"], row["client_address"], row["kind"], row["target"]) for row in report["unseen"]] == [
        ("other_connection", "10.9.9.9", "copy", "s3://b")
    ] * 2, report
    assert "did not pass the gate" in command().stdout

    counted = 'rolegate_unseen_statements_total{gate="test",kind="copy"}'
    wait_for("the count", lambda: samples(server.metrics())[counted] == 2, 40)
    unseen = server.records("unseen")
    assert sorted(event["statement"][:11] for event in unseen) == ["copy beside", "copy long ("]
    validator = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "audit.schema.json").read_text()))
    assert [error for event in [login, *unseen] for error in validator.iter_errors(event)] == []
    assert samples(server.metrics())['rolegate_facts_fetches_total{result="ok",source="history"}'] >= 1

    read = rolegate("history", "--config", server.config, "--from-cluster", "test", "--since", "1h")
    records = [json.loads(line) for line in read.stdout.splitlines()]
    assert len(records) == 1204 and any(record["text"] == long for record in records), read.stderr
    replayed = rolegate("replay", "--config", server.config, "--from-cluster", "test", "--since", "1h", "--format", "json")
    assert json.loads(replayed.stdout)["summary"]["cannot_tell"] == 3, replayed.stderr

    cluster("revoke select on hist.sys_connection_log from hist_reader")
    report = json.loads(command("--format", "json").stdout)
    assert (report["seen_by"], [row["reason"] for row in report["unseen"]]) == ({"process": 1}, ["no_session"] * 2), report
    assert any("connection log" in gap for gap in report["gaps"]), report["gaps"]
    assert server.stop() == 0
