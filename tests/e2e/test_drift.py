"""What the cluster stores, or has attached, that changed without a statement that passed the gate."""

import json
import signal

import jsonschema
from questions import samples
from servers import ROOT, Gate, wait_for
from standin import Standin
from stored import FILES, A, B, gate_before, read_again, reading, run

SCHEMA = json.loads((ROOT / "docs" / "audit.schema.json").read_text())


def told(server):
    return [(one["change"], one["kind"], one["name"]) for one in server.records("drift")]


def schema(name, role, more=""):
    return f"create external schema {name} from data catalog database 'd' iam_role '{role}' {more}"


def test_what_did_not_pass_the_gate_is_told(tmp_path):
    standin = Standin(tmp_path / "standin", "cleartext")
    run(standin.port, FILES)
    run(standin.port, schema("before", A))
    server = gate_before(standin.port, tmp_path / "gate")
    # What passes is no drift, whatever it does; nor is what the cluster stored before the gate began.
    for sql in [
        schema("passed", A),
        f"begin; {schema('within', B)}; commit",
        f"alter external schema before iam_role '{B}'",
        f"create external function f(int) returns int stable lambda 'l' iam_role '{A}'",
        f"create procedure p() as $$ begin copy venue from 's3://companyb/x' iam_role '{A}'; end $$ language plpgsql",
        f"copy venue from 's3://companyb/x' iam_role '{A}' job create j auto on",
        f"grant assumerole on '{A}' to etl for copy",
    ]:
        run(server.port, sql)
    read_again(server)
    for sql in ["alter schema within rename to renamed", "drop schema passed", "drop function f(int)", "copy job drop j", f"revoke assumerole on '{A}' from etl for copy"]:
        run(server.port, sql)
    read_again(server)
    assert told(server) == [] and reading(server)["drift"] == []

    # The same by another door.
    run(standin.port, schema("beside", B))
    wait_for("what appeared", lambda: len(server.records("drift")) == 1)
    run(standin.port, f"alter external schema before iam_role '{A}'")
    wait_for("what changed", lambda: len(server.records("drift")) == 2)
    run(standin.port, "drop procedure p()")
    wait_for("what went", lambda: len(server.records("drift")) == 3)
    assert told(server) == [
        ("appeared", "external_schema", "dev.beside"),
        ("changed", "external_schema", "dev.before"),
        ("gone", "procedure", "dev.public.p"),
    ]
    appeared, changed, gone = server.records("drift")
    assert (appeared["before"], appeared["after"], appeared["owner"]) == ([], [B], "etl")
    assert (changed["before"], changed["after"]) == ([B], [A]) and (gone["before"], gone["after"]) == ([A], [])
    for record in (appeared, changed, gone):
        jsonschema.validate(record, SCHEMA)
    listed = reading(server)["drift"]
    assert [(one["change"], one["name"]) for one in listed] == [("gone", "dev.public.p"), ("changed", "dev.before"), ("appeared", "dev.beside")]
    values = samples(server.metrics())
    counted = {name: value for name, value in values.items() if name.startswith("rolegate_catalog_drift_total") and value}
    assert counted == {f'rolegate_catalog_drift_total{{change="{change}",gate="test",kind="{kind}"}}': 1 for change, kind, _name in told(server)}
    read_again(server)
    assert len(server.records("drift")) == 3, "each is told once"
    assert server.stop() == 0
    standin.stop()


def test_attached_roles(tmp_path):
    """Facts that are read again: roles attached to the cluster, taken from it, and another default role."""
    demo = ROOT / "config" / "demo"
    clusters = tmp_path / "clusters.json"
    shown = json.loads((demo / "clusters" / "demo.json").read_text())
    [cluster] = shown["Clusters"]

    def attach(*roles):
        cluster["IamRoles"] = [{"IamRoleArn": role, "ApplyStatus": "in-sync"} for role in roles]
        cluster["DefaultIamRoleArn"] = roles[0]
        clusters.write_text(json.dumps(shown))

    first, second = A, A.replace("RoleA", "RoleZ")
    attach(first)
    server = Gate(tmp_path / "gate", 1, gate_extra='cluster = "demo"', extra=f'[facts]\niam = ["{demo}/iam/*.json"]\nclusters = ["{clusters}"]')
    attach(first, second)
    wait_for("the role", lambda: told(server) == [("appeared", "attached_role", second)])
    attach(second)
    wait_for("the other", lambda: len(server.records("drift")) == 3)
    assert told(server)[1:] == [("gone", "attached_role", first), ("changed", "default_role", "default")]
    default = server.records("drift")[2]
    assert (default["before"], default["after"]) == ([first], [second])
    for record in server.records("drift"):
        jsonschema.validate(record, SCHEMA)
    assert samples(server.metrics())['rolegate_catalog_drift_total{change="gone",gate="test",kind="attached_role"}'] == 1
    # The same facts, written once more, are no change.
    attach(second)
    server.process.send(signal.SIGHUP)
    wait_for("the reload", lambda: samples(server.metrics())['rolegate_reloads_total{result="unchanged",what="config"}'] > 0)
    assert len(server.records("drift")) == 3
    assert server.stop() == 0
