"""`rolegate inventory`: every stored credential, whether it is allowed today, and what a role's removal breaks or opens."""

import csv
import html
import io
import json

import pytest
from command_line import rolegate
from servers import ROOT
from standin import Standin
from stored import A, B, gate_before, run
from test_catalog_stored import STORED

GONE = B.split(",")[1].replace("RoleB", "RoleEtl")


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """A gate with the demo's facts before a stand-in that stores one object of each kind."""
    folder, demo = tmp_path_factory.mktemp("inventory"), ROOT / "config" / "demo"
    standin = Standin(folder / "standin", "cleartext")
    for sql in [*STORED, f"create external schema \"<b>gone\" from data catalog database 'd' iam_role '{A},{GONE}'"]:
        run(standin.port, sql)
    # A role that was removed since.
    account = json.loads((demo / "iam" / "210987654321.json").read_text())
    account["RoleDetailList"] = [role for role in account["RoleDetailList"] if role["Arn"] != GONE]
    (folder / "210987654321.json").write_text(json.dumps(account))
    clusters = folder / "clusters.json"
    shown = json.loads((demo / "clusters" / "demo.json").read_text())
    shown["Clusters"][0]["IamRoles"].append({"IamRoleArn": A.replace("RoleA", "Unused"), "ApplyStatus": "in-sync"})
    clusters.write_text(json.dumps(shown))
    facts = f'[facts]\niam = ["{demo}/iam/123456789012.json", "{folder}/210987654321.json"]\nclusters = ["{clusters}"]'
    server = gate_before(standin.port, folder / "gate", section='cluster = "demo"', extra=facts)
    run(server.port, "select count(*) from spectrum.sales")
    yield server
    server.stop()
    standin.stop()


def inventory(gate, *arguments):
    done = rolegate("inventory", "--config", gate.config, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def named(report) -> set:
    return {(row["kind"], row["name"]) for row in report["objects"]}


def test_every_form_lists_every_credential(gate):
    report = json.loads(inventory(gate, "--format", "json"))
    names = named(report)
    assert names >= {
        ("external_schema", "spectrum"),
        ("external_function", "mask"),
        ("model", "churn"),
        ("copy_job", "nightly"),
        ("procedure", "loads"),
        ("view", "sales"),
        ("identity_provider", "center"),
        ("assumerole_grant", "etl"),
    }
    human, page = inventory(gate), inventory(gate, "--format", "html")
    table = list(csv.DictReader(io.StringIO(inventory(gate, "--format", "csv"))))
    assert len(table) == len(report["objects"])
    for _kind, name in names:
        assert name in human and html.escape(name) in page and any(name in row.values() for row in table), name
    assert "<b>gone" not in page, "what others chose is text"


def test_what_facts_refuse_and_what_is_not_known(gate):
    rows = {row["name"]: row for row in json.loads(inventory(gate, "--format", "json"))["objects"]}
    assert (rows["spectrum"]["would_be"], rows["spectrum"]["chain"]) == ("forward", B)
    refused = rows["<b>gone"]
    assert refused["would_be"] == "reject" and refused["codes"] == ["RG206"] and "RoleEtl" in refused["findings"][0]["message"]
    assert rows["mask"]["method"] == "unknown" and rows["mask"]["reason"] and rows["mask"]["chain"] is None
    assert rows["sales"]["reads"] == ["dev.spectrum"]


def test_attached_roles_that_nobody_uses(gate):
    report = json.loads(inventory(gate, "--format", "json"))
    assert report["attached_unused"] == [A.replace("RoleA", "Unused")]
    assert "Unused" in inventory(gate)


def test_one_role_alone(gate):
    """What breaks without RoleB is what names it, and nothing else."""
    report = json.loads(inventory(gate, "--role", B.split(",")[1], "--format", "json"))
    assert named(report) == {("external_schema", "spectrum"), ("copy_job", "nightly")}
    answer = report["role"]
    assert not answer["attached"] and any("spectrum" in one for one in answer["breaks"]) and answer["cannot_tell"] > 0
    first = json.loads(inventory(gate, "--role", A, "--format", "json"))["role"]
    assert first["attached"] and first["default"]
    nobody = json.loads(inventory(gate, "--role", A.replace("RoleA", "Nobody"), "--format", "json"))
    assert nobody["objects"] == [] and nobody["role"]["breaks"] == []
    assert rolegate("inventory", "--config", gate.config, "--role", "no role").returncode == 2


def test_the_gate_by_its_cluster(gate):
    assert json.loads(inventory(gate, "--cluster", "demo", "--format", "json"))["objects"]
    done = rolegate("inventory", "--config", gate.config, "--cluster", "other")
    assert done.returncode == 2 and "other" in done.stderr


def test_what_was_used_lately(gate):
    rows = {row["name"]: row["last_used"] for row in json.loads(inventory(gate, "--history", gate.audit, "--format", "json"))["objects"]}
    assert rows["spectrum"] and not rows["<b>gone"], rows
