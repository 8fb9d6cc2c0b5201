"""The labelled statements on the wire: what must be refused never reaches the backend, what must pass does."""

import json

import pytest
from servers import BIN, ROOT, Demo
from wire import SYNC, Wire, bind, execute, frame, parse, query

CASES = [json.loads(line) for line in (ROOT / "proxy" / "tests" / "data" / "sql.jsonl").read_text().split("\n") if line]


def body(case) -> bytes:
    return bytes.fromhex(case["sql_hex"]) if "sql_hex" in case else case["sql"].encode()


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    server = Demo(tmp_path_factory.mktemp("statements"))
    yield server
    assert server.stop() == 0


@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_refused_statements_never_arrive(backend, protocol):
    refused = [case for case in CASES if case["expect"] == "reject"]
    assert len(refused) > 30
    with Wire(backend.gate) as wire:
        wire.login("etl", "dev")
        for number, case in enumerate(refused):
            # A comment before the text makes it findable; it changes nothing of what is read.
            text = f"/*marked-{protocol}-{number}*/".encode() + body(case)
            if protocol == "simple":
                wire.send(frame(b"Q", text + b"\0"))
            else:
                wire.send(frame(b"P", b"\0" + text + b"\0\0\0"), bind(), execute(), SYNC)
            messages = wire.until_ready()
            assert any(message.kind == "E" for message in messages), case["id"]
            assert messages[-1].body == b"I", case["id"]
        wire.send(query("select 41 + 1"))
        assert b"42" in wire.until_ready()[1].body
    assert f"marked-{protocol}" not in backend.received()


def test_plain_statements_arrive_as_they_are(backend):
    passed = [case for case in CASES if case["expect"] == "pass" and "sql_hex" not in case]
    assert len(passed) > 10
    for case in passed:
        # A session each: what one has done, such as creating dynamic SQL, decides what may follow in it.
        with Wire(backend.gate) as wire:
            wire.login("etl", "dev")
            wire.send(query(case["sql"]))
            wire.until_ready()
    received = [json.loads(line)["sql"] for line in backend.received().split("\n") if line]
    for case in passed:
        assert case["sql"] in received or not case["sql"].strip(), case["id"]


def test_sarif_is_valid(tmp_path):
    """Read back with a model of the SARIF 2.1.0 schema."""
    import subprocess

    from sarif_pydantic import Sarif

    for case in CASES:
        if case["expect"] == "reject":
            (tmp_path / f"{case['id']} 1.sql").write_bytes(body(case))
    done = subprocess.run([BIN / "rolegate", "check", "--format", "sarif", "."], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    log = Sarif.model_validate_json(done.stdout)
    results = log.runs[0].results
    assert len(results) > 30
    rules = {rule.id for rule in log.runs[0].tool.driver.rules}
    assert {result.rule_id for result in results} <= rules
    region = results[0].locations[0].physical_location
    assert region.artifact_location.uri.endswith("%201.sql") and region.region.start_line >= 1
    assert json.loads(done.stdout)["version"] == "2.1.0"


def test_jinja_is_told(tmp_path):
    import subprocess

    (tmp_path / "model.sql").write_text("select 1;\n{{ config(x='y') }}\nselect * from {{ ref('a') }}\n")
    done = subprocess.run([BIN / "rolegate", "check", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "model.sql:2: note: Jinja is left" in done.stderr


def test_named_statements_and_binds_of_call(backend):
    role = "arn:aws:iam::210987654321:role/RoleB"
    with Wire(backend.gate) as wire:
        wire.login("etl", "dev")
        wire.send(parse(f"call load('{role}')", "c"), SYNC)
        assert wire.until_ready()[0].fields()["M"].startswith("RG107")
