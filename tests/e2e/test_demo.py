"""What `make demo` starts: one demo does not get in the way of another, and it ends with its sessions."""

import json
import signal
import subprocess

from servers import BIN, Demo, free_port, http, wait_for
from wire import Wire, query


def api(demo, path):
    return json.loads(http(demo.admin, f"/api/v1/{path}")[1])


def test_a_second_demo_in_the_same_folder_leaves_the_first_alone(tmp_path):
    demo = Demo(tmp_path)
    folder = tmp_path / "data"
    before = (folder / "rolegate.toml").read_text()
    addresses = [part for option in ("--gate", "--standin", "--admin") for part in (option, f"127.0.0.1:{free_port()}")]
    environment = {"ROLEGATE_DEMO_DIR": str(folder), "RUST_BACKTRACE": "1"}
    second = subprocess.run([BIN / "demo", *addresses], capture_output=True, text=True, timeout=60, check=False, env=environment)
    said = second.stderr.splitlines()
    assert second.returncode == 1 and len(said) == 1, second
    assert said[0].startswith(f"demo: another demo runs in {folder}; "), said
    assert (folder / "rolegate.toml").read_text() == before
    assert demo.stop() == 0


def test_a_taken_port_is_said_in_one_line(tmp_path):
    demo = Demo(tmp_path)
    environment = {"ROLEGATE_DEMO_DIR": str(tmp_path / "other"), "RUST_BACKTRACE": "1"}
    command = [BIN / "demo", "--gate", f"127.0.0.1:{demo.gate}", "--standin", f"127.0.0.1:{free_port()}"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert second.returncode == 1 and len(second.stderr.splitlines()) == 1, second
    assert "make demo GATE=" in second.stderr
    assert demo.stop() == 0


def test_it_ends_with_its_sessions_and_one_last_line(tmp_path):
    demo = Demo(tmp_path)
    wait_for("what to try", lambda: "In another terminal" in demo.process.output())
    with Wire(demo.gate, timeout=20) as wire:
        wire.login(user="etl", password="demo")
        wire.send(query("select count(*) from venue"))
        wire.until_ready()
        demo.process.send(signal.SIGINT)
        # The gate says so before its cluster is gone.
        assert wire.message().fields()["C"] == "57P01"
    assert demo.stop() == 0
    lines = demo.process.output().rstrip().splitlines()
    assert lines[-1].endswith("rolegate::serve: stopped"), lines[-5:]
    assert sum("stopped" in line for line in lines) == 1
    records = [json.loads(line) for line in demo.audit().splitlines()]
    assert [record["event"] for record in records] == ["start", "login", "session_end", "stop", "checkpoint"]
    assert [record["session"] for record in records[1:3]] == [1, 1], "nobody was there before"
    assert records[2]["reason"] == "drain"


def test_a_company_works_there_and_one_of_it_comes_by_another_door(tmp_path):
    """What the cluster stores, what of it is stored beside the gate, and what runs beside it until coverage tells."""
    demo = Demo(tmp_path / "company", idle=False)
    kinds = {"external_schema", "external_function", "model", "copy_job", "procedure", "view", "assumerole_grant"}
    wait_for("what is stored", lambda: {one["kind"] for one in api(demo, "catalog")["items"]} >= kinds)
    wait_for("drift", lambda: demo.records("drift"), 60)
    assert {(one["change"], one["kind"], one["name"]) for one in demo.records("drift")} == {("appeared", "external_schema", "dev.nightly")}
    wait_for("what went past the gate", lambda: demo.records("unseen"), 60)
    assert {(one["user"], one["application"], one["reason"]) for one in demo.records("unseen")} == {("etl", "nightly", "other_connection")}
    [gate] = api(demo, "catalog")["gates"]
    assert [one["name"] for one in gate["drift"]] == ["dev.nightly"]
    assert demo.stop() == 0
