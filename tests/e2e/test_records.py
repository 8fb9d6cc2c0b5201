"""What stays of a statement and of a session: audit, comment, log."""

import json

from fake import Fake, error
from guide import CHAIN, UNLOAD, A, b
from questions import ask, verdict
from servers import Gate, wait_for
from wire import SYNC, Wire, bind, execute, parse, query, startup


def test_an_audit_record(demo):
    ask(demo.gate, UNLOAD.replace("venue_pipe_", "audited_").replace(CHAIN, b("RoleB")), "analyst")
    named = lambda: [record for record in demo.verdicts() if "audited_" in record["statement"]]  # noqa: E731
    wait_for("the audit record", named)
    record = named()[-1]
    assert record["user"] == "analyst" and record["database"] == "dev" and record["verdict"] == "reject"
    assert record["kind"] == "unload" and record["nonce"].startswith("rolegate_refused_")
    assert record["role_uses"][0]["roles"] == [b("RoleB")]
    assert {finding["code"] for finding in record["findings"]} >= {"RG201", "RG301"}


def test_annotated_statements_carry_a_comment(demo):
    sql = f"create external schema commented from data catalog database 'd' iam_role '{A}'"
    assert verdict(demo.gate, sql, "analyst") == ("annotate", "RG301")
    received = [json.loads(line)["sql"] for line in demo.received().splitlines() if "commented" in line]
    assert received == [sql + "\n/* rolegate verdict=annotate codes=RG301 */"]


def test_the_log_of_a_session_is_two_lines(postgres, tmp_path):
    """No password, key or token appears in log, metrics or audit."""
    server = Gate(tmp_path, postgres.port)
    with Wire(server.port) as wire:
        wire.login()
        wire.send(query("select 1"))
        wire.until_ready()
        wire.send(query("copy t from 's3://b' access_key_id 'AKIASECRET1' secret_access_key 'SECRET2' session_token 'SECRET3'"))
        wire.until_ready()
        wire.send(query("copy t from 's3://b' credentials 'aws_access_key_id=AKIASECRET4;aws_secret_access_key=SECRET5;bad=SECRET6'"))
        wire.until_ready()
        wire.send(query("copy t from 's3://b' iam_role 'aws_secret_access_key=SECRET7'"))
        wire.until_ready()
        wire.send(query("create user u password 'SECRET8'; copy t from 's3://b' iam_role 'x"))
        wire.until_ready()
        wire.send(query("create procedure p() as $$ begin copy t from 's3://b' access_key_id 'SECRET9' secret_access_key 'SECRET10'; end $$ language sql"))
        wire.until_ready()
        wire.send(parse("call p($1)", "p"), bind("p", values=[b"SECRET11:role/x"]), execute(), SYNC)
        wire.until_ready()
    wait_for("the end of the session", lambda: "session closed" in server.process.output())
    shown = server.metrics()
    assert server.stop() == 0
    lines = [line for line in server.process.output().splitlines() if "session{" in line]
    assert ["session opened" in lines[0], "session closed" in lines[1], len(lines)] == [True, True, 2], lines
    for text in (server.process.output(), shown, server.audit.read_text()):
        assert "SECRET" not in text.replace("CREDENTIALS", ""), text


def test_a_failed_login_is_one_line_and_opens_no_session(start):
    server = start(Fake(answers=[error("28P01", "password authentication failed")]).port)
    with Wire(server.port) as wire:
        wire.sock.sendall(startup(user="eve"))
        assert wire.sock.recv(1000)[:1] == b"E"
    wait_for("the failed login", lambda: "login failed" in server.process.output())
    lines = [line for line in server.process.output().splitlines() if "session{" in line]
    assert len(lines) == 1 and "user=eve" in lines[0] and "reason=password" in lines[0], lines
