"""Coverage before the stand-in: the door beside the gate, and the cluster's own records in the shapes of its log files."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from command_line import rolegate
from questions import ask
from servers import Gate, wait_for
from standin import Standin

A = "arn:aws:iam::123456789012:role/RoleA"


def copy(table):
    return f"copy {table} from 's3://b/{table}' iam_role '{A}'"


@pytest.fixture(scope="module")
def covered(tmp_path_factory):
    """A gate before a stand-in of its own."""
    folder = tmp_path_factory.mktemp("covered")
    standin = Standin(folder / "standin", "cleartext")
    secret = folder / "secret"
    secret.write_text("demo\n")
    catalog = f'catalog = {{ user = "rolegate", password_file = "{secret}", database = "dev" }}'
    gate = Gate(folder / "gate", standin.port, dialect="redshift", gate_extra=catalog)
    yield standin, gate
    assert gate.stop() == 0
    standin.stop()


def report(gate, *more):
    done = rolegate("coverage", "--config", gate.config, "--since", "1h", "--format", "json", *more)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def logins(gate):
    return [event for event in gate.records("login") if event["user"] == "etl"]


def through(gate, table):
    """A statement of a session of its own that passes the gate, and that both are in its audit."""
    before = len(logins(gate))
    ask(gate.port, copy(table))
    wait_for("the session's record", lambda: len(logins(gate)) > before)
    wait_for("the statement's record", lambda: any(copy(table)[:12] in one["statement"] for one in gate.verdicts()))


def test_the_door_beside_the_gate(covered):
    standin, gate = covered
    ask(standin.port, "create table seen (a int); create table beside (a int)", "rolegate")
    through(gate, "seen")
    # The same text as through the gate, and one of its own.
    ask(standin.port, copy("seen"))
    ask(standin.port, copy("beside"))
    found = report(gate)
    assert (found["seen"], found["seen_by"]) == (1, {"connection": 1}), found
    unseen = [(row["reason"], row["user"], row["kind"], row["text"][:11]) for row in found["unseen"]]
    assert sorted(unseen) == [("other_connection", "etl", "copy", f"copy {table}"[:11]) for table in ("beside", "seen from")], found
    assert A not in json.dumps(found["unseen"]), "the cluster blanks the role"


def test_log_files_of_a_cluster_whose_clock_is_ahead_and_whose_processes_are_used_again(covered, tmp_path):
    _standin, gate = covered
    through(gate, "logged")
    login = logins(gate)[-1]
    ahead = datetime.fromisoformat(login["time"].replace("Z", "+00:00")).astimezone(UTC) + timedelta(seconds=2)

    def connection(event, seconds, address, port):
        time = (ahead + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S:000")
        where = f"::ffff:{address} |{port} |{login['backend_pid']}"
        return f"{event} |{time}|{where}|dev |etl |password |0| | |0| | | |psql | | | |0|\n"

    def ran(seconds, text):
        time = (ahead + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"'{time} UTC [ db=dev user=etl pid={login['backend_pid']} userid=100 xid=7 ]' LOG: {text}\n"

    blanked = re.sub("iam_role '[^']*'", "iam_role ''", copy("logged"))
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "connectionlog").write_text(
        connection("authenticated", 0, login["gate_address"], login["gate_port"])
        + connection("disconnecting session", 60, login["gate_address"], login["gate_port"])
        + connection("authenticated", 70, "10.9.9.9", 5000)
    )
    (logs / "useractivitylog").write_text(ran(0, blanked) + ran(75, blanked))
    trail = {
        "eventTime": (ahead + timedelta(seconds=600)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole",
        "userIdentity": {"type": "AWSService", "invokedBy": "redshift.amazonaws.com"},
        "requestParameters": {"roleArn": "arn:aws:iam::123456789012:role/Other", "roleSessionName": "RedshiftIamRoleSession"},
    }
    (logs / "trail.json").write_text(json.dumps({"Records": [trail]}))
    found = report(gate, gate.audit, logs)
    assert found["seen_by"] == {"connection": 1}, found
    rows = [(row["reason"], row.get("client_address")) for row in found["unseen"]]
    assert sorted(rows, key=str) == [("assumed_role", None), ("other_connection", "10.9.9.9")], found
