"""The audit as OCSF events: each is valid by the published schema of its class."""

import json
import subprocess
from collections import Counter

import jsonschema
import pytest
from guide import REFUSALS, UNLOAD, A
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from servers import BIN, Gate, wait_for
from wire import Wire, query

# Those of docs/audit.md.
CLASSES = {6005: "datastore_activity", 3002: "authentication", 3004: "entity_management", 6002: "application_lifecycle"}
PUBLISHED = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.3.0"))


@pytest.fixture(scope="module")
def validators():
    made = {}

    def of(class_uid: int, profiles: list[str]):
        key = (class_uid, *profiles)
        if key not in made:
            made[key] = jsonschema.Draft202012Validator(PUBLISHED.get_class_schema(CLASSES[class_uid], profiles))
        return made[key]

    return of


def exported(*files) -> list[dict]:
    done = subprocess.run([BIN / "rolegate", "audit", "export", "--format", "ocsf", *map(str, files)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def faults(events: list[dict], validators) -> list[str]:
    return [
        f"{event['class_uid']} {error.json_path}: {error.message[:200]}"
        for event in events
        for error in validators(event["class_uid"], event["metadata"]["profiles"]).iter_errors(event)
    ]


def test_what_the_demo_records_is_valid(demo, validators):
    for user in ("etl", "analyst"):
        with Wire(demo.gate) as wire:
            wire.login(user, "dev")
            for sql in [UNLOAD, f"create external schema ocsf from data catalog database 'd' iam_role '{A}'", *(one.sql for one in REFUSALS if one.user == user)]:
                wire.send(query(sql))
                wire.until_ready()
    with Wire(demo.gate) as wire:
        assert wire.login("etl", "dev", password="wrong")[-1].fields()["C"] == "28P01"
        with pytest.raises(EOFError):
            wire.message()
    path = demo.folder / "data" / "audit.jsonl"
    wait_for("the records", lambda: '"login_failed"' in path.read_text())
    events = exported(path)
    assert not faults(events, validators)
    kinds = Counter((event["class_uid"], event["activity_id"], event["status_id"]) for event in events)
    assert {(6005, 1, 1), (6005, 1, 2), (6005, 6, 1), (3002, 1, 1), (3002, 1, 2), (6002, 3, 1)} <= set(kinds)


def test_a_session_over_a_unix_socket_is_valid(postgres, tmp_path, validators):
    path = tmp_path / ".s.PGSQL.5439"
    gate = Gate(tmp_path / "gate", postgres.port, gate_extra=f'unix_socket = "{path}"')
    done = subprocess.run(["psql", "-h", str(tmp_path), "-p", "5439", "-U", "postgres", "-c", "copy t from 's3://b' iam_role 'x'"], capture_output=True, text=True, check=False)
    assert "RG101" in done.stderr
    assert gate.stop() == 0
    events = exported(gate.audit)
    assert not faults(events, validators)
    assert {event["src_endpoint"].get("name") for event in events if event["class_uid"] == 6005} == {"unix socket"}


def test_what_passed_the_gate_by_is_valid(tmp_path, validators):
    """Whatever the cluster's history tells of it, and however little."""
    known = {"user": "bi", "client_address": "192.0.2.7", "application": "editor", "backend_pid": "77", "ran_at": "2026-11-28T00:00:00Z", "target": "s3://b/x"}
    record = {"v": 2, "log": "0" * 16, "seq": 7, "prev": None, "id": f"{'0' * 16}-7", "time": "2026-11-28T01:02:03.456789Z", "event": "unseen"}
    record |= {"gate": "warehouse", "kind": "copy", "reason": "other_connection", "statement": "copy t"}
    (tmp_path / "audit.jsonl").write_text("".join(json.dumps(record | dict.fromkeys(known) | told) + "\n" for told in ({}, known, {"client_address": "[local]"})))
    events = exported(tmp_path / "audit.jsonl")
    assert len(events) == 3 and not faults(events, validators)


def test_the_check_sees_what_is_wrong(validators):
    event = {"class_uid": 3002, "metadata": {"profiles": []}}
    assert any("is a required property" in fault for fault in faults([event], validators))
