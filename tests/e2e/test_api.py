"""The API of the console: every path against the stand-in, with hostile names, to whom, and by its own description."""

import csv
import http.client
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from guide import CHAIN, UNLOAD, A, b
from questions import ask
from servers import BIN, ROOT, Demo, Gate, wait_for
from wire import Wire, query

API = "/api/v1/"
#: A name that breaks out of HTML, JavaScript, CSV, a line and a path, wherever it is not escaped.
HOSTILE = "=</script><img src=x onerror=alert(1)>\"'`;--%0d%0a\u2028../{{7*7}}\r\nX: y"
DESCRIPTION = json.loads((ROOT / "proxy/console/openapi.json").read_text())
TOKEN = "a token that nobody guesses"


def request(port, path, method="GET", body=None, headers=None):
    """Status, headers and text of an answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request(method, path, body=body, headers=headers or {})
    answer = client.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def get(port, path, **parameters):
    given = {name: value for name, value in parameters.items() if value is not None}
    status, headers, text = request(port, f"{API}{path}?{urlencode(given)}" if given else API + path)
    assert status == 200, (path, parameters, status, text)
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
    return json.loads(text) if headers["content-type"] == "application/json" else text


def post(port, question):
    status, _, text = request(port, API + "explain", "POST", json.dumps(question), {"content-type": "application/json"})
    return status, json.loads(text)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A demo in which good and bad statements were run."""
    demo = Demo(tmp_path_factory.mktemp("api"))
    ask(demo.gate, UNLOAD, "etl")
    ask(demo.gate, UNLOAD.replace("venue_pipe_", "again_"), "etl")
    ask(demo.gate, UNLOAD, "analyst")
    ask(demo.gate, f"copy venue from 's3://elsewhere/x' iam_role '{A}, {b('RoleB')}'", "etl")
    ask(demo.gate, "select 1", "etl")
    wait_for("outcomes", lambda: all(one["outcome"] for one in get(demo.admin, "decisions", action="forward")["items"]))
    yield demo
    assert demo.stop() == 0


def paths():
    return [path.replace("{id}", "none") for path in DESCRIPTION["paths"]]


def test_the_description_is_the_running_gates_own(world):
    assert get(world.admin, "openapi.json") == DESCRIPTION


def test_decisions_are_listed_filtered_and_told_in_full(world):
    everything = get(world.admin, "decisions")["items"]
    assert [one["verdict"] for one in everything] == ["refused", "refused", "allowed", "allowed"]
    assert all("select 1" != one["statement"] for one in everything), "nothing without roles is kept"
    good = get(world.admin, "decisions", user="etl", verdict="allowed", chain=CHAIN)["items"]
    assert len(good) == 2 and good[0]["outcome"]["outcome"] == "completed"
    first = get(world.admin, "decisions", limit=1)
    second = get(world.admin, "decisions", limit=3, before=first["next"])
    assert [one["id"] for one in first["items"] + second["items"]] == [one["id"] for one in everything]
    assert second["next"] is None
    whole = get(world.admin, f"decisions/{good[1]['id']}")
    assert "".join(segment["text"] for segment in whole["segments"]) == UNLOAD
    assert [segment["text"] for segment in whole["segments"] if segment["role_use"] == 0] == [f"'{CHAIN}'"]
    assert [hop["result"] for hop in whole["hops"]] == ["allowed", "allowed"] and whole["evidence_current"]
    assert whole["hops"][0]["to"] == A and whole["hops"][1]["from"] == A
    said = " ".join(whole["hops"][1]["evidence"])
    assert f"trust policy of role {b('RoleB')}" in said and "statement 1" in said, said
    assert any("inline policy" in line or "policy" in line.split("trust")[0] for line in whole["hops"][1]["evidence"]), said
    malformed = get(world.admin, "decisions", code="RG101")["items"]
    assert len(malformed) == 1 and malformed[0]["role_uses"][0]["target"] == "s3://elsewhere/x"
    assert get(world.admin, "decisions", bucket="elsewhere")["items"] == malformed
    told = get(world.admin, f"decisions/{malformed[0]['id']}")["findings"][0]
    assert told["message"] and told["hint"] and told["title"] == "Malformed chain"
    ids = {record["id"] for record in world.records()}
    assert {one["id"] for one in everything} <= ids, "an id is that of the audit"


def test_refusals_in_groups_and_for_other_programs(world, tmp_path):
    by_code = get(world.admin, "refusals", by="code")
    assert by_code["total"] == 2 and {"RG101", "RG301"} <= {group["key"] for group in by_code["groups"]}
    by_user = get(world.admin, "refusals", by="user", buckets=5)["groups"]
    assert {(group["key"], group["count"], sum(group["trend"])) for group in by_user} == {("etl", 1, 1), ("analyst", 1, 1)}
    assert get(world.admin, f"decisions/{by_user[0]['example']}")["verdict"] == "refused"
    table = list(csv.DictReader(io.StringIO(get(world.admin, "refusals", by="chain", format="csv"))))
    assert {row["count"] for row in table} == {"1"} and CHAIN in {row["key"] for row in table}
    demo = world.folder / "data" / "rolegate.toml"
    cases = tmp_path / "refusals.test.toml"
    cases.write_text(get(world.admin, "refusals", format="cases").replace('config = "rolegate.toml"', f'config = "{demo}"'))
    tested = subprocess.run([BIN / "rolegate", "policy", "test", cases], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr + cases.read_text()


def test_the_graph(world):
    graph = get(world.admin, "graph")
    nodes = {node["id"]: node for node in graph["nodes"]}
    edges = {edge["id"]: edge for edge in graph["edges"]}
    attachment = edges["attachment cluster:demo -> role:123456789012/RoleA"]
    assert nodes["role:123456789012/RoleA"]["known"] and nodes["role:123456789012/RoleA"]["account"] == "123456789012"
    assert attachment["verdict"] == "allowed" and {"name": "etl", "uses": 2} in attachment["users"]
    reached = [edge for edge in edges.values() if edge["kind"] == "reach" and edge["from"] == "role:210987654321/RoleB"]
    assert {edge["verdict"] for edge in reached} == {"refused"} and reached[0]["counts"]["allowed"] == 2
    assert set(nodes) >= {edge["from"] for edge in edges.values()} | {edge["to"] for edge in edges.values()}
    more = get(world.admin, "graph", unused="true")
    unused = [edge for edge in more["edges"] if edge["verdict"] == "unused"]
    assert unused and all(edge["uses"] == 0 for edge in unused)
    assert {edge["id"] for edge in more["edges"] if edge["verdict"] != "unused"} == set(edges)
    small = get(world.admin, "graph", unused="true", nodes=3)
    assert len(small["nodes"]) == 3 and small["left_out"]["nodes"] == len(more["nodes"]) - 3
    assert [source["source"] for source in graph["sources"] if source["available"]][:2] == ["recent", "facts"]


def test_sessions(world):
    with Wire(world.gate) as wire:
        wire.login("etl", "dev")
        found = get(world.admin, "sessions", user="etl", state="idle")
        assert found["total"] == 1 and found["next"] is None
        session = found["items"][0]
        assert session["database"] == "dev" and session["client_address"] == "127.0.0.1" and session["backend_pid"]
        assert (session["judged"], session["refused"]) == (0, 0)
        wire.send(query(f"copy venue from 's3://elsewhere/x' iam_role '{A}, {b('RoleB')}'"))
        wire.until_ready()
        session = get(world.admin, "sessions", user="etl")["items"][0]
        assert (session["judged"], session["refused"]) == (1, 1)
        wire.send(query("begin"))
        wire.until_ready()
        assert get(world.admin, "sessions", state="in_transaction")["total"] == 1
    wait_for("the end of the session", lambda: get(world.admin, "sessions")["total"] == 0)


def test_why_and_what_if(world):
    before = get(world.admin, "status")["recent"]["judged"]
    status, answer = post(world.admin, {"sql": UNLOAD, "user": "analyst", "database": "dev"})
    assert status == 200 and answer["in_force"]["action"] == "reject" and answer["shadow"]["action"] == "annotate"
    assert "RG301" in answer["in_force"]["client"]["message"] and "shadow mode" in answer["shadow"]["client"]["message"]
    record = get(world.admin, "decisions", user="analyst")["items"][0]
    told = get(world.admin, f"decisions/{record['id']}")
    explained = answer["in_force"]["statements"][0]
    for field in ["findings", "hops", "role_uses", "segments", "codes", "rules", "verdict"]:
        assert explained[field] == told[field], field
    permits = 'permit(principal, action, resource);'
    status, answer = post(world.admin, {"sql": UNLOAD, "user": "analyst", "rules": f'@id("all") {permits}'})
    assert status == 200 and answer["with_rules"]["action"] == "forward" and answer["in_force"]["action"] == "reject"
    status, answer = post(world.admin, {"sql": UNLOAD, "user": "analyst", "groups": ["etl"]})
    assert answer["in_force"]["action"] == "forward", "groups that are asked for count"
    assert post(world.admin, {"sql": "select 1", "rules": "permit("})[0] == 422
    assert get(world.admin, "status")["recent"]["judged"] == before, "nothing is counted"
    assert "audited" not in world.audit()


def test_questions_to_the_facts(world):
    step = get(world.admin, "can-assume", **{"from": A, "to": b("RoleB"), "user": "etl"})
    assert step["decision"] == "allowed" and step["steps"][0]["evidence"]
    assert get(world.admin, "can-assume", **{"from": "cluster", "to": A})["decision"] == "allowed"
    refused = get(world.admin, "can-assume", **{"from": b("RoleB"), "to": A})
    assert refused["decision"] != "allowed" and refused["steps"][0]["message"]
    found = get(world.admin, "paths", to=b("RoleB"))
    assert {"roles": [A, b("RoleB")], "doubts": []} in found["chains"] or found["chains"]


def test_how_the_gate_stands(world):
    status = get(world.admin, "status")
    assert status["ready"] and status["standing"] == "ready" and status["audit"]["records"]
    gate = status["gates"][0]
    assert (gate["name"], gate["cluster"], gate["mode"]) == ("demo", "demo", "enforce")
    assert gate["policy_version"] and gate["policy_changed_at"] and gate["rules"] > 0
    assert gate["certificates"][0]["leg"] == "frontend" and gate["certificates"][0]["days_left"] > 0
    assert {limit["name"] for limit in gate["limits"]} >= {"sessions", "unauthenticated"}
    assert get(world.admin, "facts")["accounts"]

    told = get(world.admin, "catalog")
    [read] = told["gates"]
    assert told["items"] == [] and read["read_at"] and read["last_error"] is None and read["drift"] == []


class Stream:
    """A reader of events."""

    def __init__(self, port, query="", cursor=None, buffer=None):
        self.sock = socket.socket()
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.settimeout(20)
        self.sock.connect(("127.0.0.1", port))
        last = f"Last-Event-ID: {cursor}\r\n" if cursor else ""
        self.sock.sendall(f"GET {API}decisions/stream{query} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode())
        self.text = ""

    def until(self, enough):
        while not enough(self.text):
            read = self.sock.recv(65536)
            assert read, f"the stream ended: {self.text[-500:]}"
            self.text += read.decode()
        return self.text

    def events(self):
        return [(name, json.loads(data)) for name, data in re.findall(r"event: (\w+)\n(?:id: \S+\n)?data: (.*)\n", self.text)]


@pytest.mark.alone
def test_a_refusal_is_told_within_a_second_of_happening(world):
    stream = Stream(world.admin, "?user=analyst")
    stream.until(lambda text: "event: open" in text)
    began = time.monotonic()
    ask(world.gate, UNLOAD, "etl")
    ask(world.gate, UNLOAD, "analyst")
    stream.until(lambda text: "event: decision" in text)
    assert time.monotonic() - began < 1.5
    decisions = [data for name, data in stream.events() if name == "decision"]
    assert [(one["user"], one["verdict"]) for one in decisions] == [("analyst", "refused")], "the filter holds"


def resident(process):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.process.pid}/status").read_text())[1])


def test_a_slow_reader_loses_old_events_is_told_and_costs_no_memory(postgres, start):
    """6,000 events go past a reader that does not read."""
    gate = start(postgres.port, admin_extra="recent = 500\nrecent_bytes = 4194304\n")
    slow = Stream(gate.admin, buffer=4096)
    refused = query(f"copy t from 's3://b/{'x' * 200}' iam_role '{A}, {A}'")
    with Wire(gate.port) as wire:
        wire.login()

        def run(count):
            for _ in range(count // 100):
                wire.send(refused * 100)
                for _answer in range(100):
                    wire.until_ready()

        run(1_000)
        before = resident(gate.process)
        run(5_000)
        after = resident(gate.process)
    assert after - before < 8 * 1024, f"{before} KiB, then {after} KiB"
    census = get(gate.admin, "status")["recent"]
    assert census["judged"] == 6_000 and census["decisions"] == 500 and census["bytes"] <= 4_194_304
    slow.until(lambda text: re.search(r'"seq":5999,.*\n', text))
    events = slow.events()
    lost = sum(data["count"] for name, data in events if name == "lost")
    told = sum(name == "decision" for name, _ in events)
    assert lost > 1_000 and lost + told == 6_000, (lost, told)
    numbers = [data["seq"] for name, data in events if name == "decision"]
    assert numbers == sorted(set(numbers))


def test_streams_end_with_the_gate_and_are_taken_up_again(postgres, start):
    gate = start(postgres.port)
    readers = [Stream(gate.admin) for _ in range(16)]
    for reader in readers:
        reader.until(lambda text: "event: open" in text)
    assert request(gate.admin, API + "decisions/stream")[0] == 429
    cursor = re.search(r"id: (\S+)", readers[0].text)[1]
    readers.pop().sock.close()
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query(f"copy t from 's3://b/x' iam_role '{A}, {A}'"))
        wire.until_ready()
    wait_for("a place", lambda: "429" not in Stream(gate.admin, cursor=cursor).until(lambda text: "\r\n" in text)[:20])
    for reader in readers:
        reader.until(lambda text: "event: decision" in text)
    began = time.monotonic()
    ended = threading.Thread(target=gate.process.stop)
    ended.start()
    readers[0].until(lambda text: "event: end" in text)
    assert readers[0].events()[-1] == ("end", {"reason": "drain"})
    ended.join()
    assert time.monotonic() - began < 10, "streams hold up no stop"


def test_what_clients_choose_is_text(postgres, start):
    gate = start(postgres.port)
    name = HOSTILE.replace("\r\n", " ")
    with Wire(gate.port) as wire:
        wire.login("postgres", "postgres", application_name=name)
        wire.send(query(f"copy t from 's3://{quote(name)}/x' iam_role '{A}, {name.replace(chr(39), '')}'"))
        wire.until_ready()
        sessions = request(gate.admin, API + "sessions")
        assert json.loads(sessions[2])["items"][0]["application"] == name
    found = get(gate.admin, "decisions", application=name)["items"]
    assert len(found) == 1 and found[0]["application"] == name
    chain = found[0]["role_uses"][0]["chain"]
    assert get(gate.admin, "decisions", chain=chain)["items"] == found
    answers = [f"decisions/{found[0]['id']}", "decisions", "graph", "refusals?by=chain", "refusals?by=application", "sessions"]
    for path in answers:
        status, headers, text = request(gate.admin, API + path)
        assert status == 200 and headers["content-type"] == "application/json", path
        assert headers["content-security-policy"].startswith("default-src 'none'")
        json.loads(text)
    for row in csv.reader(io.StringIO(get(gate.admin, "refusals", by="application", format="csv"))):
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in row), row
    for path in [f"decisions/{quote(HOSTILE, safe='')}", f"decisions?user={quote(HOSTILE)}", f"decisions?{quote(HOSTILE)}=1"]:
        status, headers, text = request(gate.admin, API + path)
        assert status in (200, 400, 404) and headers["content-type"] == "application/json"
        assert headers.get("X") is None, "no header of a client's making"
    status, answer = post(gate.admin, {"sql": found[0]["statement"], "user": HOSTILE, "application": HOSTILE, "groups": [HOSTILE]})
    assert status == 200 and answer["in_force"]["statements"][0]["user"] == HOSTILE


def test_every_path_asks_for_the_token_and_none_changes_anything(postgres, start, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    gate = start(postgres.port, admin_extra=f'token_file = "{tokens}"\n')
    for path in [*paths(), API + "openapi.json", API + "decisions?user=etl"]:
        for headers in [{}, {"Authorization": "Bearer another"}, {"Authorization": f"Basic {TOKEN}"}]:
            assert request(gate.admin, path, headers=headers)[0] == 401, path
        assert request(gate.admin, path, "POST", "{}")[0] == 401, path
    with_token = {"Authorization": f"Bearer {TOKEN}"}
    assert request(gate.admin, API + "status", headers=with_token)[0] == 200
    # The page asks for the token, and holds no data.
    status, headers, page = request(gate.admin, "/")
    assert status == 200 and headers["cache-control"] == "no-store" and "<script>" not in page and " style=" not in page
    assert request(gate.admin, "/assets/none.js")[0] == 404
    for path in paths():
        for method in ["POST", "PUT", "PATCH", "DELETE"]:
            if (method, path) != ("POST", API + "explain"):
                assert request(gate.admin, path, method, "{}", with_token)[0] == 405, (method, path)
    assert request(gate.admin, API + "explain", "POST", "{}", with_token)[0] == 415, "no form of a stranger's page asks"


def test_answers_are_as_the_description_says(postgres, tmp_path):
    """schemathesis reads the running gate's own description, and asks what fits it and what does not."""
    gate = Gate(tmp_path / "gate", postgres.port)
    with Wire(gate.port) as wire:
        wire.login()
        for number in range(3):
            wire.send(query(f"copy t from 's3://b/{number}' iam_role '{A}, {A}'"))
            wire.until_ready()
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"http://127.0.0.1:{gate.admin}{API}openapi.json"]
    options = ["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"]
    # A stream has no end to wait for.
    options += ["--exclude-path", "/api/v1/decisions/stream", "--max-examples", "12", "--seed", "1", "--generation-database", "none", "--no-color"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert request(gate.admin, "/healthz")[0] == 200
    assert gate.stop() == 0
