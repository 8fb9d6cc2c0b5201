"""What an operator meets: health, metrics, log, reload, drain, errors of the configuration."""

import json
import re
import signal
import socket
import subprocess
import time

import pytest
from guide import CHAIN, UNLOAD, A, b
from servers import BIN, PG_BIN, Demo, Gate, Postgres, Process, free_port, http, wait_for
from wire import SYNC, Wire, bind, execute, parse, query

REFUSED = "copy t from 's3://b/x' iam_role 'bad'"


def ask(port, sql, user="etl", database="dev"):
    """The messages of one simple query on a connection of its own."""
    with Wire(port) as wire:
        wire.login(user, database)
        wire.send(query(sql))
        return wire.until_ready()


def verdict(port, sql, user="etl"):
    """The code of the refusal or warning, or nothing."""
    for message in ask(port, sql, user):
        if message.kind in "EN":
            found = re.match(r"RG\d\d\d", message.fields()["M"])
            if found:
                return ("reject" if message.kind == "E" else "annotate", found[0])
    return ("forward", "")


def samples(text):
    """The samples of an exposition: (name with labels) -> value."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and line[0] != "#"}


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_pgbench(gate, postgres, protocol):
    common = ["-h", "127.0.0.1", "-U", "postgres", "-n"]
    made = subprocess.run([PG_BIN / "pgbench", "-i", "-q", *common, "-p", str(postgres.port), "postgres"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    command = [PG_BIN / "pgbench", *common, "-p", str(gate.port), "-M", protocol, "-c", "8", "-j", "2", "-t", "200", "postgres"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "number of transactions actually processed: 1600/1600" in done.stdout
    assert "number of failed transactions: 0" in done.stdout


def test_health(gate):
    assert http(gate.admin, "/healthz") == (200, "ok\n")
    assert http(gate.admin, "/readyz")[0] == 200
    assert http(gate.admin, "/no/such/page")[0] == 404


def test_metrics_tell_what_happened(demo):
    before = samples(http(demo.admin, "/metrics")[1])
    ask(demo.gate, "select 1")
    ask(demo.gate, UNLOAD)
    ask(demo.gate, UNLOAD.replace(CHAIN, b("RoleB")))
    ask(demo.gate, f"create external schema s from data catalog database 'd' iam_role '{A}'", "analyst")
    after = samples(http(demo.admin, "/metrics")[1])
    for sample, difference in {
        'rolegate_sessions_opened_total{gate="demo"}': 4,
        'rolegate_statements_total{gate="demo",kind="unload",verdict="reject"}': 1,
        'rolegate_statements_total{gate="demo",kind="unload",verdict="forward"}': 1,
        'rolegate_statements_total{gate="demo",kind="create_external_schema",verdict="annotate"}': 1,
        'rolegate_findings_total{code="RG201",gate="demo",severity="reject"}': 1,
        'rolegate_chain_uses_total{chain="123456789012/RoleA>210987654321/RoleB",gate="demo",kind="unload",user="etl",verdict="forward"}': 1,
        'rolegate_hops_total{gate="demo",result="denied",source="cluster",target="210987654321/RoleB"}': 1,
    }.items():
        assert after.get(sample, 0) - before.get(sample, 0) == difference, sample


def test_metrics_are_well_formed(demo):
    text = http(demo.admin, "/metrics")[1]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_audit_record(demo):
    ask(demo.gate, UNLOAD.replace("venue_pipe_", "audited_").replace(CHAIN, b("RoleB")), "analyst")
    wait_for("the audit record", lambda: "audited_" in demo.audit())
    record = json.loads([line for line in demo.audit().splitlines() if "audited_" in line][-1])
    assert record["user"] == "analyst" and record["database"] == "dev" and record["verdict"] == "reject"
    assert record["kind"] == "unload" and record["nonce"].startswith("rolegate_refused_")
    assert record["role_uses"][0]["roles"] == [b("RoleB")]
    assert {finding["code"] for finding in record["findings"]} >= {"RG201", "RG301"}


def test_the_principal_follows_set_session_authorization(tmp_path):
    """Before the server has answered, the stricter of both users counts; the audit shows who is who."""
    server = Demo(tmp_path)
    unload = UNLOAD.replace("venue_pipe_", "as_analyst_")
    with Wire(server.gate) as wire:
        wire.login("etl", "dev")
        wire.send(query(f"set session authorization analyst; {unload}"))
        error = wire.until_ready()[0].fields()
        assert error["M"].startswith("RG301"), error
        wire.send(query(unload))
        assert wire.until_ready()[-1].body == b"I"
    wait_for("the audit record", lambda: "as_analyst_" in server.audit())
    record = json.loads(server.audit().splitlines()[-2 if server.audit().count("as_analyst_") > 1 else -1])
    assert (record["user"], record["login_user"], record["verdict"]) == ("analyst", "etl", "reject")
    assert server.stop() == 0


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


def test_a_verdict_from_the_cache_is_a_fresh_one_after_every_reload(tmp_path):
    """Rules, facts, clusters, groups, severities and modes: after each change the next verdict is of the new policy."""
    server = Demo(tmp_path)
    data = tmp_path / "data"
    config, rules = data / "rolegate.toml", data / "rules" / "demo.cedar"
    account, cluster = data / "iam" / "210987654321.json", data / "clusters" / "demo.json"
    applied = 'rolegate_reloads_total{result="applied",what="config"}'

    def change(path, old, new):
        before = samples(http(server.admin, "/metrics")[1])[applied]
        text = path.read_text()
        assert old in text, f"{path} does not hold {old}"
        path.write_text(text.replace(old, new))
        server.process.send(signal.SIGHUP)
        wait_for("the reload", lambda: samples(http(server.admin, "/metrics")[1])[applied] > before)

    def judged(user="etl"):
        # Twice: the second answer comes from the cache.
        first, second = verdict(server.gate, UNLOAD, user), verdict(server.gate, UNLOAD, user)
        assert first == second
        return first

    assert judged() == ("forward", "")
    assert judged("analyst") == ("reject", "RG301")
    change(rules, 'principal in Rolegate::Group::"analysts"', 'principal in Rolegate::Group::"nobody"')
    assert judged("analyst") == ("forward", "")
    change(config, 'analysts = ["analyst"]', 'nobody = ["analyst"]')
    assert judged("analyst") == ("reject", "RG301")
    change(account, '"AWS": "arn:aws:iam::123456789012:role/RoleA"', '"AWS": "arn:aws:iam::123456789012:role/Other"')
    assert judged() == ("reject", "RG203")
    change(config, "[policy]\n", '[policy]\nmode = "shadow"\n')
    assert judged()[0] == "annotate"
    change(config, 'mode = "shadow"\n', "")
    assert judged() == ("reject", "RG203")
    change(config, "[policy.groups]", '[policy.severity]\nRG203 = "allow"\n\n[policy.groups]')
    assert judged() == ("forward", "")
    change(cluster, '"ApplyStatus": "in-sync"', '"ApplyStatus": "removing"')
    assert judged() == ("reject", "RG201")
    assert server.stop() == 0


def test_a_bad_reload_changes_nothing(tmp_path):
    server = Demo(tmp_path)
    rules = tmp_path / "data" / "rules" / "demo.cedar"
    rules.write_text(rules.read_text() + "\n@id(\"broken\") forbid (principal, action, resource) when { resource.lenght > 1 };\n")
    server.process.send(signal.SIGHUP)
    refused = 'rolegate_reloads_total{result="refused",what="config"}'
    wait_for("the refusal", lambda: samples(http(server.admin, "/metrics")[1])[refused] > 0)
    assert "demo.cedar:" in server.process.output() and "lenght" in server.process.output()
    assert verdict(server.gate, UNLOAD) == ("forward", "")
    assert verdict(server.gate, UNLOAD, "analyst") == ("reject", "RG301")
    assert server.stop() == 0


def just_opened(gate):
    """Starts a gate of the same configuration anew, and returns in the moment at which its socket opens."""
    gate.process = Process([gate.program, "serve", "--config", gate.config], gate.folder / "log")
    while socket.socket().connect_ex(("127.0.0.1", gate.port)):
        assert gate.process.process.poll() is None, gate.process.output()


def test_signals_are_heard_from_the_first_connection_on(tmp_path, postgres):
    """By default each of them ends a process."""
    gate = Gate(tmp_path / "gate", postgres.port)
    applied = 'rolegate_reloads_total{result="applied",what="config"}'
    before = samples(gate.metrics())[applied]
    assert gate.stop() == 0
    for _ in range(8):
        just_opened(gate)
        gate.process.send(signal.SIGHUP)
        wait_for("the reload", lambda: samples(gate.metrics())[applied] > before, 5)
        assert gate.stop() == 0
        just_opened(gate)
        assert gate.stop() == 0


def test_a_prepared_statement_is_judged_again_after_a_reload(tmp_path):
    server = Demo(tmp_path)
    rules = tmp_path / "data" / "rules" / "demo.cedar"
    with Wire(server.gate) as wire:
        wire.login("etl", "dev")
        wire.send(parse(UNLOAD, "u"), bind("u"), execute(), SYNC)
        assert [message.kind for message in wire.until_ready() if message.kind != "N"] == ["1", "2", "C", "Z"]
        rules.write_text(rules.read_text().replace('principal in Rolegate::Group::"analysts",', "principal,"))
        server.process.send(signal.SIGHUP)
        applied = 'rolegate_reloads_total{result="applied",what="config"}'
        wait_for("the reload", lambda: samples(http(server.admin, "/metrics")[1])[applied] > 0)
        wire.send(bind("u"), execute(), SYNC)
        error, ready = wire.until_ready()
        assert error.fields()["M"].startswith("RG301") and ready.body == b"I"
    assert server.stop() == 0


def test_sigterm_ends_idle_sessions_and_lets_running_ones_finish(postgres, tmp_path):
    server = Gate(tmp_path, postgres.port)
    with Wire(server.port) as idle, Wire(server.port) as busy:
        idle.login()
        busy.login()
        busy.send(query("select pg_sleep(1), 42"))
        time.sleep(0.3)
        server.process.send(signal.SIGTERM)
        assert idle.message().fields()["C"] == "57P01"
        assert b"42" in busy.until_ready()[1].body
        assert busy.message().fields()["C"] == "57P01"
        server.process.process.wait(10)
    assert server.process.process.returncode == 0


def test_readyz_turns_false_before_sessions_are_refused(postgres, tmp_path):
    server = Gate(tmp_path, postgres.port, extra='[runtime]\ndrain_delay = "1500ms"')
    server.process.send(signal.SIGTERM)
    wait_for("readyz to say no", lambda: http(server.admin, "/readyz")[0] == 503)
    assert ask(server.port, "select 1", "postgres", "postgres")[-1].kind == "Z", "new sessions are still taken"
    server.process.process.wait(10)
    assert server.process.process.returncode == 0


def test_a_second_process_takes_over_the_port(postgres, tmp_path):
    """An upgrade: the new process listens beside the old one, which then drains. No connection is refused in between."""
    shared = "[runtime]\nworkers = 1\nreuse_port = true"
    old = Gate(tmp_path / "old", postgres.port, extra=shared)
    new = Gate(tmp_path / "new", postgres.port, extra=shared, port=old.port)
    assert old.stop() == 0
    for _ in range(20):
        assert ask(new.port, "select 1", "postgres", "postgres")[-1].kind == "Z"
    assert 'rolegate_sessions_opened_total{gate="test"} 20' in new.metrics()
    assert new.stop() == 0


def test_a_unix_socket(postgres, tmp_path):
    """For clients on the same machine: without TLS even where it is required, and gone from the file system afterwards."""
    from authority import Authority

    path = tmp_path / ".s.PGSQL.5439"
    tls = Authority(tmp_path / "ca").gate_tls() + "required = true"
    server = Gate(tmp_path / "gate", postgres.port, gate_extra=f'unix_socket = "{path}"\n{tls}')
    command = ["psql", "-X", "-A", "-t", "-h", str(tmp_path), "-p", "5439", "-U", "postgres", "postgres", "-c", "select 41 + 1", "-c", REFUSED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "42\n" and "RG101" in done.stderr, done
    assert json.loads(server.audit.read_text())["client_address"] is None
    assert server.stop() == 0 and not path.exists()


def test_several_gates_in_one_process(postgres, tmp_path):
    """Each with a name, an address and limits of its own."""
    other = free_port()
    second = f'''
[[gate]]
name = "other"
listen = "127.0.0.1:{other}"
dialect = "postgresql"
limits = {{ max_sessions = 1 }}
[gate.upstream]
address = "127.0.0.1:{postgres.port}"
tls = "disable"
'''
    gate = Gate(tmp_path, postgres.port, tls='tls = "disable"' + second)
    with Wire(gate.port) as one, Wire(other) as two, Wire(other) as three, Wire(gate.port) as four:
        assert [wire.login()[-1].kind for wire in (one, two, three, four)] == ["Z", "Z", "E", "Z"]
    assert 'rolegate_sessions_refused_total{gate="other",reason="limit_total"} 1' in gate.metrics()
    assert gate.stop() == 0


def test_a_socket_that_systemd_hands_over(postgres, tmp_path):
    """Socket activation: descriptor 3 is used for the gate that listens on its address, and a stranger's is refused."""
    import socket

    def start(listener, config, **options):
        script = f'exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        command = ["bash", "-c", script, "bash", BIN / "rolegate", "serve", "--config", config]
        return subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True, **options)

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as stranger:
        port = listener.getsockname()[1]
        config = tmp_path / "rolegate.toml"
        upstream = f'[gate.upstream]\naddress = "127.0.0.1:{postgres.port}"\ntls = "disable"\n'
        config.write_text(f'[admin]\nlisten = "127.0.0.1:{free_port()}"\n[[gate]]\nname = "g"\nlisten = "127.0.0.1:{port}"\n{upstream}')
        process = start(listener, config)
        # The kernel takes connections from the start; nobody has to wait for the gate.
        for _ in range(8):
            assert ask(port, "select 1", "postgres", "postgres")[-1].kind == "Z"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 0
        config.write_text(config.read_text().replace(f":{port}", f":{free_port()}"))
        refused = start(stranger, config)
        _, said = refused.communicate(timeout=10)
        assert refused.returncode == 2 and f"127.0.0.1:{stranger.getsockname()[1]}" in said, said


def test_limits_by_user_and_address(postgres, tmp_path):
    limits = "limits = { max_sessions_per_user = 1, max_sessions_per_address = 2 }"
    server = Gate(tmp_path, postgres.port, gate_extra=limits)
    ask(postgres.port, "create user second superuser; create user third superuser", "postgres", "postgres")
    with Wire(server.port) as one, Wire(server.port) as two, Wire(server.port) as three, Wire(server.port) as four:
        assert one.login()[-1].kind == "Z"
        refused = two.login()[-1].fields()
        assert (refused["S"], refused["C"]) == ("FATAL", "53300") and "postgres" in refused["M"]
        assert three.login("second", "postgres")[-1].kind == "Z"
        refused = four.login("third", "postgres")[-1].fields()
        assert refused["C"] == "53300" and "127.0.0.1" in refused["M"]
    wait_for("the seats", lambda: server.metrics().count('reason="client"} 2') == 1)
    assert ask(server.port, "drop user second; drop user third", "postgres", "postgres")[-1].kind == "Z"
    shown = server.metrics()
    for reason in ("limit_user", "limit_address"):
        assert f'rolegate_sessions_refused_total{{gate="test",reason="{reason}"}} 1' in shown
    assert server.stop() == 0


def test_a_load_balancer_names_the_client(postgres, tmp_path):
    """PROXY protocol, both versions, from a trusted network: the log, the audit and the limits are about the client."""
    import struct

    binary = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + struct.pack("!H", 12) + bytes([192, 0, 2, 8, 10, 0, 0, 1]) + struct.pack("!HH", 4000, 5439)
    headers = {"192.0.2.7": b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 5439\r\n", "192.0.2.8": binary}
    server = Gate(tmp_path, postgres.port, gate_extra='proxy_protocol_from = ["127.0.0.0/8"]\nlimits = { max_sessions_per_address = 1 }')
    for header in headers.values():
        with Wire(server.port) as wire, Wire(server.port) as second:
            wire.send(header)
            assert wire.login()[-1].kind == "Z"
            wire.send(query(REFUSED))
            wire.until_ready()
            second.send(header)
            assert second.login()[-1].fields()["C"] == "53300"
    with Wire(server.port) as wire:
        try:
            answer = wire.login()
        except (EOFError, ConnectionError):
            answer = []
        assert answer == [], "a connection without the header is closed"
    assert server.stop() == 0
    rows = [json.loads(line) for line in server.audit.read_text().splitlines()]
    assert [row["client_address"] for row in rows] == list(headers)
    assert "client=192.0.2.7:4660" in re.sub(r"\x1b\[\d*m", "", server.process.output())


def test_groups_are_read_from_the_cluster(postgres, tmp_path):
    """[gate.catalog]: nothing is permitted before the first reading, and the groups at hand stay while the cluster refuses."""
    for sql in ["create user reader", "create user anna superuser", "create group analysts user anna", "alter user reader nologin"]:
        ask(postgres.port, sql, "postgres", "postgres")
    rules = tmp_path / "rules.cedar"
    rules.write_text(
        '@id("all") permit (principal, action, resource);\n'
        '@id("no-analysts") forbid (principal in Rolegate::Group::"analysts", action, resource);\n'
    )
    copy = "copy t from 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA'"
    server = Gate(
        tmp_path / "gate",
        postgres.port,
        extra=f'[policy]\nrules = ["{rules}"]',
        gate_extra='catalog = { user = "reader", database = "postgres", refresh = "200ms" }',
    )

    def code(user):
        messages = [message.fields() for message in ask(server.port, copy, user, "postgres") if message.kind == "E"]
        return messages[0]["M"][:5] if messages[0]["C"] == "42501" else "passed"

    def catalog():
        return json.loads(http(server.admin, "/api/v1/facts")[1])["catalogs"][0]

    assert (code("anna"), code("postgres")) == ("RG302", "RG302"), "nobody's groups are known"
    wait_for("the error", lambda: "reader" in (catalog()["last_error"] or ""))
    ask(postgres.port, "alter user reader login", "postgres", "postgres")
    wait_for("the groups", lambda: code("anna") == "RG301")
    assert code("postgres") == "passed" and catalog()["groups"] == 1
    ask(postgres.port, "alter user reader nologin; alter group analysts drop user anna", "postgres", "postgres")
    wait_for("the error", lambda: catalog()["last_error"])
    assert code("anna") == "RG301", "what was read stays in force"
    ask(postgres.port, "alter user reader login", "postgres", "postgres")
    wait_for("the change", lambda: code("anna") == "passed")
    assert 'rolegate_facts_fetches_total{result="ok",source="catalog"}' in server.metrics()
    assert server.stop() == 0
    ask(postgres.port, "drop group analysts", "postgres", "postgres")


def test_limits_on_time(postgres, tmp_path):
    limits = 'limits = { idle_timeout = "400ms", session_lifetime = "3s", startup_timeout = "500ms" }'
    server = Gate(tmp_path, postgres.port, gate_extra=limits)
    with Wire(server.port) as idle, Wire(server.port) as busy, Wire(server.port) as silent:
        idle.login()
        busy.login()
        busy.send(query("begin"))
        busy.until_ready()
        assert idle.message().fields()["C"] == "57P05"
        assert silent.sock.recv(1) == b"", "a connection that says nothing is closed"
        time.sleep(3)
        busy.send(query("commit"))
        busy.until_ready()
        assert busy.message().fields()["C"] in ("57P01", "57P05"), "a transaction is never cut short"
    assert server.stop() == 0


def test_the_time_for_authentication_is_bounded(tmp_path):
    """A backend that never answers a start-up packet."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as backend:
        server = Gate(tmp_path, backend.getsockname()[1], gate_extra='limits = { startup_timeout = "500ms" }')
        with Wire(server.port) as wire:
            refused = wire.login()[-1].fields()
            assert (refused["S"], refused["C"]) == ("FATAL", "57014")
        assert server.stop() == 0


def test_an_unreachable_backend_is_told(tmp_path):
    server = Gate(tmp_path, free_port())
    with Wire(server.port) as wire:
        messages = wire.login()
        assert messages[-1].fields()["C"] == "08006"
        assert messages[-1].fields()["S"] == "FATAL"
    assert server.stop() == 0


GOOD = """
[[gate]]
name = "g"
listen = "127.0.0.1:{port}"
{gate}
[gate.upstream]
address = "127.0.0.1:1"
tls = "disable"
"""

MISTAKES = {
    "no file": (None, {}, ["rolegate.toml"]),
    "not TOML": ("[admin\n", {}, ["rolegate.toml", "line 1"]),
    "unknown key": ("[admin]\nlisen = 1\n", {}, ["rolegate.toml", "line 2", "lisen"]),
    "unknown code": ('[policy.severity]\nRG999 = "allow"\n', {}, ["rolegate.toml", "line 2", "RG999"]),
    "no gate": ("[admin]\n", {}, ["rolegate.toml", "gate"]),
    "missing certificate": (GOOD.replace("[gate.upstream]", '[gate.tls]\ncertificate = "no.crt"\nkey = "no.key"\n[gate.upstream]'), {}, ["no.crt"]),
    "bad certificate": (GOOD.replace("[gate.upstream]", '[gate.tls]\ncertificate = "bad.crt"\nkey = "bad.key"\n[gate.upstream]'), {"bad.crt": "x", "bad.key": "x"}, ["bad.crt"]),
    "rule that does not type-check": ('[policy]\nrules = ["r.cedar"]\n' + GOOD, {"r.cedar": '@id("a") permit (principal, action, resource)\nwhen { resource.lenght > 1 };'}, ["r.cedar:2:", "lenght"]),
    "rule without a name": ('[policy]\nrules = ["r.cedar"]\n' + GOOD, {"r.cedar": "permit (principal, action, resource);"}, ["r.cedar:1:1", "@id"]),
    "snapshot that is not JSON": ('[facts]\niam = ["a.json"]\nclusters = ["c.json"]\n' + GOOD.replace("{gate}", 'cluster = "c"\n{gate}'), {"a.json": "{", "c.json": '{"Clusters": []}'}, ["a.json"]),
    "snapshot that is missing": ('[facts]\niam = ["a.json"]\nclusters = ["c.json"]\n' + GOOD.replace("{gate}", 'cluster = "c"\n{gate}'), {}, ["a.json"]),
    "cluster that is not in the facts": ('[facts]\niam = ["a.json"]\nclusters = ["c.json"]\n' + GOOD.replace("{gate}", 'cluster = "c"\n{gate}'), {"a.json": '{"RoleDetailList": []}', "c.json": '{"Clusters": []}'}, ["cluster", '"c"']),
    "audit file that cannot be written": ('[audit]\npath = "no/such/folder/audit.jsonl"\n' + GOOD, {}, ["no/such/folder/audit.jsonl"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_the_configuration_are_told(tmp_path, name):
    text, files, words = MISTAKES[name]
    path = tmp_path / "rolegate.toml"
    if text is not None:
        path.write_text(text.replace("{port}", str(free_port())).replace("{gate}", ""))
    for file, content in files.items():
        (tmp_path / file).write_text(content)
    env = {"PATH": "/usr/bin:/bin", "ROLEGATE__ADMIN__LISTEN": f"127.0.0.1:{free_port()}"}
    done = subprocess.run([BIN / "rolegate", "serve", "--config", path], capture_output=True, text=True, timeout=20, env=env, check=False)
    assert done.returncode == 2, done
    for word in words:
        assert word in done.stderr, done.stderr
    assert "panicked" not in done.stderr


def test_a_port_in_use_is_told(gate, tmp_path):
    path = tmp_path / "rolegate.toml"
    path.write_text(GOOD.replace("{port}", str(gate.port)).replace("{gate}", ""))
    done = subprocess.run([BIN / "rolegate", "serve", "--config", path], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert f"127.0.0.1:{gate.port}" in done.stderr and "[[gate]] g" in done.stderr


def test_config_check_and_show(gate):
    done = subprocess.run([BIN / "rolegate", "config", "check", gate.config], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = subprocess.run([BIN / "rolegate", "config", "show", gate.config], capture_output=True, text=True, check=False)
    assert shown.returncode == 0 and "max_statement_bytes = 16777216" in shown.stdout


def test_check_judges_files(tmp_path, demo):
    (tmp_path / "good.sql").write_text(f"select 1;\n{UNLOAD};\n")
    (tmp_path / "bad.sql").write_text(f"select 1;\n\n{UNLOAD.replace(CHAIN, b('RoleB'))};\n")
    config = demo.folder / "data" / "rolegate.toml"

    def check(*arguments):
        return subprocess.run([BIN / "rolegate", "check", "--config", config, "--user", "etl", *arguments], capture_output=True, text=True, check=False)

    assert check(tmp_path / "good.sql").returncode == 0
    human = check(tmp_path / "bad.sql")
    assert human.returncode == 1
    assert "bad.sql:5:10: reject RG201" in human.stdout
    machine = check("--format", "json", tmp_path / "good.sql", tmp_path / "bad.sql")
    rows = [json.loads(line) for line in machine.stdout.splitlines()]
    assert [(row["verdict"], row["kind"], row["line"]) for row in rows] == [("forward", "unload", 2), ("reject", "unload", 3)]
    assert check(tmp_path / "missing.sql").returncode == 2
    assert check("--config", "x").returncode == 2


def test_questions_to_the_iam_facts(tmp_path, demo):
    """`iam can-assume` explains a hop, `iam paths` lists chains, `iam unused` says what an audit did not use."""
    config = demo.folder / "data" / "rolegate.toml"

    def iam(*arguments):
        return subprocess.run([BIN / "rolegate", "iam", *arguments, "--config", config], capture_output=True, text=True, check=False)

    allowed = iam("can-assume", "--user", "etl", A, b("RoleB"))
    assert (allowed.returncode, allowed.stdout.startswith("allowed: ")) == (0, True), allowed
    denied = iam("can-assume", "--user", "etl", "--format", "json", b("RoleB"), A)
    step = json.loads(denied.stdout)["steps"][0]
    assert denied.returncode == 1 and step["outcome"] == "denied" and step["evidence"] and "{" in step["remedy"], denied
    assert iam("can-assume", "not-an-arn", A).returncode == 2
    paths = iam("paths", "--to", b("RoleB"))
    assert (paths.returncode, paths.stdout) == (0, f"{A},{b('RoleB')}\n")
    assert iam("paths", "--to", b("RoleC")).returncode == 1, "it trusts nobody here"
    assert iam("paths", "--to", b("Nobody")).returncode == 2
    audit = tmp_path / "audit.jsonl"
    ask(demo.gate, UNLOAD)
    audit.write_text(demo.audit())
    unused = iam("unused", "--audit", audit)
    assert unused.returncode == 0 and f"{A} -> {b('RoleEtl')}" in unused.stdout, unused
    assert f"{A} -> {b('RoleB')}" not in unused.stdout, "it was used"


def test_upstream_passwords_pass_through(tmp_path):
    """The gate relays authentication: the backend's own refusal of a password reaches the client."""
    server = Demo(tmp_path)
    with Wire(server.gate) as wire:
        assert wire.login("etl", "dev", password="wrong")[-1].fields()["C"] == "28P01"
    with Wire(server.gate) as wire:
        wire.starttls()
        assert wire.login("etl", "dev")[-1].kind == "Z"
    assert server.stop() == 0


def test_scram_passes_through(tmp_path_factory):
    """SCRAM-SHA-256, relayed: checked with psql against a PostgreSQL that asks for it."""
    import os
    import shutil

    from servers import pg_folder

    server = Postgres(pg_folder())
    try:
        ask(server.port, "create user scram password 'pass'", "postgres", "postgres")
        (server.data / "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        ask(server.port, "select pg_reload_conf()", "postgres", "postgres")
        gate = Gate(tmp_path_factory.mktemp("scram"), server.port)
        env = {**os.environ, "PGPASSWORD": "pass", "PGSSLMODE": "disable"}
        command = ["psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(gate.port), "-U", "scram", "postgres", "-c", "select 41 + 1"]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        assert done.stdout == "42\n", done.stderr
        assert gate.stop() == 0
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
