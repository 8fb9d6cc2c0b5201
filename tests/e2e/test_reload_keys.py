"""What a running gate takes up of a new configuration, key by key; what it names as waiting for a restart."""

import contextlib
import json
import signal
import struct
import time
from pathlib import Path

import pytest
from authority import Authority
from guide import A
from questions import ask, samples
from servers import BIN, ROOT, Gate, Process, free_port, http, wait_for
from wire import SSL_REQUEST, Wire, frame, query, startup

DEMO = ROOT / "config" / "demo"
RESULTS = ["applied", "unchanged", "refused"]


class Changing(Gate):
    """A gate whose configuration is made of sections, which a test changes one at a time."""

    def write(self):
        self.sections = {
            "admin": [f'listen = "127.0.0.1:{self.admin}"'],
            "log": [],
            "audit": [f'path = "{self.audit}"'],
            "runtime": [],
            "policy": [],
            "policy.severity": [],
            "policy.groups": [],
            "policy.cache": [],
            "facts": [],
        }
        self.of_gate = {
            "": ['name = "test"', f'listen = "127.0.0.1:{self.port}"', 'dialect = "postgresql"'],
            "upstream": [f'address = "127.0.0.1:{self.upstream}"', 'tls = "disable"'],
            "limits": [],
        }
        self.more = ""
        self.save()

    def save(self):
        text = "".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in self.sections.items())
        text += "[[gate]]\n" + "\n".join(self.of_gate[""]) + "\n"
        text += "".join(f"[gate.{name}]\n" + "\n".join(lines) + "\n" for name, lines in self.of_gate.items() if name)
        self.config.write_text(text + self.more)

    def results(self) -> dict[str, float]:
        shown = samples(self.metrics())
        return {result: shown[f'rolegate_reloads_total{{result="{result}",what="config"}}'] for result in RESULTS}

    def reload(self, expected: str):
        """Saves and asks for a reload, whose result must be this."""
        before = self.results()
        self.save()
        self.process.send(signal.SIGHUP)
        wait_for("the reload", lambda: self.results() != before)
        after = self.results()
        assert {result: after[result] - before[result] for result in RESULTS} == {result: float(result == expected) for result in RESULTS}

    def put(self, section: str, *lines: str, expected="applied"):
        """Puts lines into a section, `gate.…` for one of the gate's; a key that is there already is replaced."""
        table, name = (self.of_gate, section.removeprefix("gate").removeprefix(".")) if section.startswith("gate") else (self.sections, section)
        keys = {line.split(" = ")[0] for line in lines}
        table[name] = [line for line in table.get(name, []) if line.split(" = ")[0] not in keys] + list(lines)
        self.reload(expected)

    def version(self) -> str:
        return json.loads(http(self.admin, "/api/v1/status")[1])["gates"][0]["policy_version"]

    def waiting(self) -> tuple[list[str], list[str]]:
        """The keys that wait for a restart, by the status and by the metrics."""
        status = json.loads(http(self.admin, "/api/v1/status")[1])["configuration"]["restart_pending"]
        name = 'rolegate_config_restart_pending{key="'
        gauges = [sample.removeprefix(name).removesuffix('"}') for sample, value in samples(self.metrics()).items() if sample.startswith(name) and value]
        return status, gauges


@pytest.fixture
def gate(postgres, tmp_path):
    for sql in ["drop table if exists seen", "create table seen (text text)"]:
        ask(postgres.port, sql, "postgres", "postgres")
    body = "begin insert into seen values (current_query()); end"
    ask(postgres.port, f"create or replace procedure note(role text) language plpgsql as $$ {body} $$", "postgres", "postgres")
    server = Changing(tmp_path / "gate", postgres.port)
    yield server
    assert server.stop() == 0


def call(gate: Gate):
    """Calls a procedure with a role: what the client is told, and what the server read."""
    messages = ask(gate.port, f"call note('{A}')", "postgres", "postgres")
    told = next((message.kind + message.fields()["M"][:5] for message in messages if message.kind in "EN"), "")
    read = ask(gate.upstream, "select text from seen; delete from seen", "postgres", "postgres")
    return told, any(b"/* rolegate" in message.body for message in read if message.kind == "D")


def test_verdicts_follow_the_policy(gate):
    """Modes, severities, rules, groups, warnings, comments; each in force for the next statement."""
    assert call(gate) == ("ERG107", False)
    gate.put("policy", 'mode = "shadow"')
    assert call(gate) == ("NRG107", True)
    gate.put("policy", "shadow_notice = false")
    assert call(gate) == ("", True)
    gate.put("policy", "shadow_comment = false")
    assert call(gate) == ("", False)
    gate.put("policy", 'mode = "enforce"')
    assert call(gate) == ("ERG107", False)
    gate.put("policy.severity", 'RG107 = "annotate"')
    assert call(gate) == ("NRG107", True)
    gate.put("policy", "notice = false")
    assert call(gate) == ("", True)
    gate.put("policy", "comment = false")
    assert call(gate) == ("", False)
    gate.put("policy", "notice = true", "comment = true")
    assert call(gate) == ("NRG107", True)


def test_policies_follow_rules_groups_and_facts(gate):
    """Each of them is another policy, and every one shows in the version; going back gives the first version again."""
    rules = gate.folder / "r.cedar"
    rules.write_text('@id("all") permit (principal, action, resource) when { context.hour < 24 };\n')
    changes = [
        ("policy", 'rules = ["*.cedar"]'),
        ("policy", 'time_zone = "Europe/Berlin"'),
        ("policy.groups", 'etl = ["postgres"]'),
        ("gate", 'cluster = "demo"'),
        ("facts", f'iam = ["{DEMO}/iam/*.json"]', f'clusters = ["{DEMO}/clusters/*.json"]'),
        ("facts", 'mode = "aws"'),
        ("facts", 'external_id = "unknown"'),
        ("gate.iam", 'mode = "guide"'),
        ("gate.iam", 'external_id = "first-only"'),
        ("gate", 'dialect = "redshift"'),
    ]
    versions = [gate.version()]
    for change in changes:
        gate.put(*change)
        versions.append(gate.version())
    # A cluster's name means nothing without facts.
    assert versions.pop(4) == versions[3]
    assert len(set(versions)) == len(versions)
    gate.write()
    gate.reload("applied")
    assert gate.version() == versions[0]


def test_the_cache_is_of_the_new_size(gate):
    gate.put("policy.severity", 'RG107 = "annotate"')
    hits = 'rolegate_policy_cache_requests_total{result="hit"}'

    def hits_of_two() -> float:
        before = samples(gate.metrics())[hits]
        call(gate), call(gate)
        return samples(gate.metrics())[hits] - before

    assert hits_of_two() == 1
    gate.put("policy.cache", "capacity = 0")
    assert hits_of_two() == 0
    gate.put("policy.cache", "capacity = 100")
    assert hits_of_two() == 1
    gate.put("policy.cache", 'ttl = "1ms"')
    assert hits_of_two() == 0


def test_the_log_and_the_audit_go_where_they_are_told(gate):
    ask(gate.port, "select 1", "postgres", "postgres")
    assert " DEBUG " not in gate.process.output()
    gate.put("log", 'level = "debug"')
    # Nothing new, of which is told at this level.
    gate.config.open("a").close()
    wait_for("a line at debug", lambda: "DEBUG" in gate.process.output())
    gate.put("log", 'level = "rolegate=nonsense"', expected="refused")
    gate.put("log", 'level = "info"')
    gate.put("audit", 'path = "other.jsonl"')
    call(gate)
    wait_for("the record", lambda: (gate.folder / "other.jsonl").read_text().count('"statement":') == 1)
    assert '"statement":' not in gate.audit.read_text()
    gate.put("audit", 'path = "no/such/folder"', expected="refused")
    gate.put("audit", 'path = "off"')
    call(gate)
    gate.put("audit", f'path = "{gate.audit}"')
    call(gate)
    wait_for("the record", lambda: gate.audit.read_text().count('"statement":') == 1)
    assert (gate.folder / "other.jsonl").read_text().count('"statement":') == 1


def is_closed(wire: Wire) -> bool:
    with contextlib.suppress(ConnectionResetError):
        return wire.sock.recv(1) == b""
    return True


def fatal(gate: Gate) -> str:
    """The SQLSTATE with which a session is refused, or nothing."""
    with Wire(gate.port) as wire:
        last = wire.login()[-1]
        return last.fields()["C"] if last.kind == "E" else ""


def test_new_sessions_find_new_limits(gate):
    """Sessions that are open keep theirs."""
    with Wire(gate.port) as old:
        old.login()
        for key in ("max_sessions", "max_sessions_per_user", "max_sessions_per_address"):
            gate.put("gate.limits", f"{key} = 1")
            assert fatal(gate) == "53300", key
            gate.of_gate["limits"] = []
            gate.reload("applied")
            assert fatal(gate) == "", key
        gate.put("gate.limits", "max_statement_bytes = 1024")
        long = query("select 1 -- " + "x" * 2000)
        with Wire(gate.port) as new:
            new.login()
            new.send(long)
            assert new.until_ready()[0].fields()["C"] == "54000"
        old.send(long)
        assert old.until_ready()[-1].kind == "Z"
        gate.put("gate.limits", 'idle_timeout = "200ms"')
        with Wire(gate.port) as new:
            new.login()
            assert new.message().fields()["C"] == "57P05"
        gate.of_gate["limits"] = []
        gate.put("gate.limits", 'session_lifetime = "200ms"')
        with Wire(gate.port) as new:
            new.login()
            assert new.message().fields()["C"] == "57P01"
        gate.put("gate.limits", 'session_lifetime = "1h"', 'startup_timeout = "300ms"')
        with Wire(gate.port) as new:
            assert is_closed(new), "a connection that says nothing is closed"
        gate.put("gate.limits", 'startup_timeout = "10s"', "max_unauthenticated = 1")
        with Wire(gate.port) as first, Wire(gate.port) as second:
            first.send(struct.pack("!i", 100))
            assert is_closed(second)
        gate.put("gate.limits", "max_unauthenticated = 100", "max_cancels = 1")
        old.send(query("select 1"))
        assert old.until_ready()[-1].kind == "Z"


def test_new_sessions_find_another_backend_and_other_ways_to_it(gate, tmp_path):
    gate.put("gate.upstream", f'address = "127.0.0.1:{free_port()}"', 'connect_timeout = "1s"')
    assert fatal(gate) == "08006"
    gate.put("gate.upstream", f'address = "127.0.0.1:{gate.upstream}"', 'tls = "require"')
    assert fatal(gate) == "08006", "the server has no TLS"
    gate.put("gate.upstream", 'tls = "disable"')
    assert fatal(gate) == ""
    gate.put("gate", 'proxy_protocol_from = ["127.0.0.0/8"]')
    with Wire(gate.port) as wire:
        wire.send(startup())
        assert is_closed(wire), "no header, no session"
    gate.put("gate", "proxy_protocol_from = []")
    certificate, key = Authority(tmp_path / "tls").issue("gate.example", "127.0.0.1")
    gate.put("gate.tls", f'certificate = "{certificate}"', f'key = "{key}"')
    with Wire(gate.port) as wire:
        wire.send(SSL_REQUEST)
        assert wire.exactly(1) == b"S"
    assert fatal(gate) == ""
    gate.put("gate.tls", "required = true")
    assert fatal(gate) != ""
    gate.put("gate.tls", f'key = "{gate.config}"', expected="refused")
    del gate.of_gate["tls"]
    gate.reload("applied")
    assert fatal(gate) == ""


def test_function_calls_are_refused_or_relayed_in_new_sessions(gate):
    # lo_creat(-1) by its number, with one argument and a result in text.
    large_object = frame(b"F", struct.pack("!ihhhi2sh", 957, 1, 0, 1, 2, b"-1", 0))

    def answer() -> str:
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(large_object)
            return wire.until_ready()[0].kind

    assert answer() == "V", "before a PostgreSQL they are relayed"
    gate.put("gate", 'function_call = "refuse"')
    assert answer() == "E"
    gate.put("gate", 'function_call = "relay"')
    assert answer() == "V"


def test_groups_are_read_from_the_cluster_as_soon_as_they_are_asked_for(gate):
    for sql in ["drop user if exists groups_reader", "create user groups_reader"]:
        ask(gate.upstream, sql, "postgres", "postgres")

    def catalogs():
        return json.loads(http(gate.admin, "/api/v1/facts")[1])["catalogs"]

    assert catalogs() == []
    gate.put("gate.catalog", 'user = "groups_reader"', 'database = "postgres"')
    wait_for("the groups", lambda: catalogs()[0]["read_at"])
    gate.put("gate.catalog", 'user = "nobody_of_that_name"')
    wait_for("the error", lambda: catalogs()[0]["last_error"])
    del gate.of_gate["catalog"]
    gate.reload("applied")
    assert catalogs() == []
    ask(gate.upstream, "drop user groups_reader", "postgres", "postgres")


def test_the_drain_takes_the_new_times(gate):
    gate.put("runtime", 'drain_delay = "1500ms"', 'drain_timeout = "1s"')
    with Wire(gate.port) as running:
        running.login()
        running.send(query("begin"))
        running.until_ready()
        began = time.monotonic()
        gate.process.send(signal.SIGTERM)
        wait_for("readyz to say no", lambda: http(gate.admin, "/readyz")[0] == 503)
        assert fatal(gate) == "", "new sessions are taken for a while"
        gate.process.process.wait(10)
        assert 2.4 < time.monotonic() - began < 5


RESTART = [
    ("admin.listen", "admin", lambda: f'listen = "127.0.0.1:{free_port()}"'),
    ("admin.insecure", "admin", lambda: "insecure = true"),
    ("admin.hosts", "admin", lambda: 'hosts = ["gate.example"]'),
    ("admin.token_file", "admin", lambda: 'token_file = "token"'),
    ("admin.recent", "admin", lambda: "recent = 5"),
    ("admin.recent_bytes", "admin", lambda: "recent_bytes = 1048576"),
    ("log.format", "log", lambda: 'format = "json"'),
    ("runtime.workers", "runtime", lambda: "workers = 3"),
    ("runtime.reuse_port", "runtime", lambda: "reuse_port = true"),
    ("gate.listen", "gate", lambda: f'listen = "127.0.0.1:{free_port()}"'),
    ("gate.unix_socket", "gate", lambda: 'unix_socket = "s"'),
]


def test_what_needs_a_restart_is_named_until_it_is_written_as_it_was(gate):
    version, port = gate.version(), gate.port
    another = f'[[gate]]\nname = "more"\nlisten = "127.0.0.1:{free_port()}"\n[gate.upstream]\naddress = "localhost:1"\n'
    aws = '[facts.aws]\nrefresh = "1m"\n[[facts.aws.account]]\nid = "123456789012"\n'
    assert gate.waiting() == ([], [])
    for key, section, line in RESTART:
        gate.put(section, line(), expected="unchanged")
        shown = key if section != "gate" else f"{key} of test"
        assert gate.waiting() == ([shown], [key])
        warning = f"{shown}" in gate.process.output() and "takes effect at the next start" in gate.process.output()
        assert warning, gate.process.output()
        Changing.write(gate)
        gate.reload("unchanged")
        assert gate.waiting() == ([], []), key
    gate.more = another
    gate.reload("unchanged")
    assert gate.waiting() == (["gate.name of more"], ["gate.name"])
    gate.of_gate[""].append('cluster = "c"')
    gate.more = aws
    gate.reload("applied")
    status, gauges = gate.waiting()
    assert gauges == ["facts.aws"] and "facts.aws.account" in status
    gate.write()
    gate.reload("applied")
    assert gate.waiting() == ([], [])
    assert (gate.version(), gate.port) == (version, port)
    assert call(gate) == ("ERG107", False)


def test_both_kinds_in_one_save(gate):
    """What can be applied is, and the rest waits."""
    gate.sections["runtime"] = ["workers = 3"]
    gate.put("policy.severity", 'RG107 = "allow"')
    assert gate.waiting() == (["runtime.workers"], ["runtime.workers"])
    assert call(gate) == ("", False)
    last = [line for line in gate.process.output().splitlines() if "reloaded" in line][-1]
    assert "policy.severity.RG107" in last and "workers" not in last
    # After the restart nothing waits.
    assert gate.process.stop() == 0
    gate.process = Process([BIN / "rolegate", "serve", "--config", gate.config], Path(gate.folder / "log"))
    gate.process.wait_listening(gate.port)
    assert gate.waiting() == ([], [])
