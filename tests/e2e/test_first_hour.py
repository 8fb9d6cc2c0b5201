"""The first hour: `init`, `doctor` and `health`, before the stand-in and before servers that are wrong in known ways."""

import json
import os
import socket
import subprocess

import pytest
from authority import Authority, encrypted_postgres
from questions import ask
from servers import BIN, PG_BIN, ROOT, Gate, Postgres, Process, free_port, http, pg_folder, wait_for
from standin import Standin
from wire import Wire, query

ROLEGATE = BIN / "rolegate"


def rolegate(*arguments, **options):
    return subprocess.run([ROLEGATE, *map(str, arguments)], capture_output=True, text=True, check=False, **options)


def doctor(config, *more, env=None):
    """Exit status, and (health, found, remedy) by check and subject."""
    done = rolegate("doctor", "--config", config, "--format", "json", *more, env={**os.environ, **(env or {})})
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    assert answer["failed"] == sum(check["health"] == "failed" for check in answer["checks"])
    return done.returncode, {check["check"]: (check["health"], check["found"], check.get("remedy", "")) for check in answer["checks"]}


def configuration(folder, upstream, more="", tls='tls = "disable"', before=""):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rolegate.toml"
    path.write_text(
        f"""{before}
[admin]
listen = "127.0.0.1:{free_port()}"
[audit]
path = "audit.jsonl"
[[gate]]
name = "g"
listen = "127.0.0.1:{free_port()}"
{more}
[gate.upstream]
address = "{upstream}"
connect_timeout = "3s"
{tls}
"""
    )
    return path


@pytest.mark.parametrize("platform", ["none", "systemd", "kubernetes", "ecs", "docker"])
def test_what_init_writes_passes_config_check(tmp_path, platform):
    folder = tmp_path / "a folder"
    endpoint = "warehouse.abc123xyz789.us-east-1.redshift.amazonaws.com:5439"
    made = rolegate("init", folder, "--cluster-endpoint", endpoint, "--platform", platform)
    assert made.returncode == 0, made.stderr
    next_commands = made.stdout.split("Next:\n\n")[1].strip().splitlines()
    assert len(next_commands) == 3 and f"rolegate doctor --config '{folder}/rolegate.toml'" in next_commands[0]
    # The folder of the service's log is made by the package.
    env = {**os.environ, "ROLEGATE__AUDIT__PATH": "off"} if platform == "systemd" else None
    checked = rolegate("config", "check", folder / "rolegate.toml", env=env)
    assert checked.returncode == 0 and "good, 1 gate" in checked.stdout, checked.stderr
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = rolegate("init", folder, "--cluster-endpoint", "other.example:5439", "--platform", platform)
    assert again.returncode == 2 and "already there" in again.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_from_init_to_a_judged_statement(tmp_path):
    """The three commands that init prints, before the stand-in."""
    server = Standin(tmp_path / "standin", "cleartext")
    folder = tmp_path / "gate"
    made = rolegate("init", folder, "--cluster-endpoint", f"localhost:{server.port}", "--tls", "disable")
    assert made.returncode == 0, made.stderr
    ports = {"ROLEGATE__GATE__0__LISTEN": f"127.0.0.1:{free_port()}", "ROLEGATE__ADMIN__LISTEN": f"127.0.0.1:{free_port()}"}
    config = folder / "rolegate.toml"
    status, checks = doctor(config, env=ports)
    assert status == 0, checks
    assert checks["reach"][0] == checks["port"][0] == checks["audit"][0] == "good", checks
    assert checks["facts"][0] == "warning" and checks["around"][0] == "not_checked", checks
    gate = Process([ROLEGATE, "serve", "--config", config], tmp_path / "log", env=ports)
    port, admin = (int(address.split(":")[1]) for address in ports.values())
    try:
        gate.wait_listening(port)
        wait_for("readiness", lambda: rolegate("health", "--config", config, env={**os.environ, **ports}).returncode == 0)
        copy = "copy venue from 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA, arn:aws:iam::123456789012:role/RoleB'"
        messages = [message.fields() for message in ask(port, copy, "etl", "dev") if message.kind == "N"]
        assert any("RG101" in fields["M"] for fields in messages), messages
        status, checks = doctor(config, env=ports)
        assert checks["port"][0] == "good" and "a gate answers" in checks["port"][1], checks
        assert '"version"' in http(admin, "/api/v1/status")[1]
    finally:
        assert gate.stop() == 0
        server.stop()
    gone = rolegate("health", "--config", config, env={**os.environ, **ports})
    assert gone.returncode == 2 and "no gate answers" in gone.stderr


def test_facts_that_lie_in_the_folder_are_used(tmp_path):
    for name in ["iam", "clusters"]:
        (tmp_path / "facts" / name).mkdir(parents=True)
    (tmp_path / "facts/iam/123456789012.json").write_text('{"RoleDetailList": [], "Policies": [], "UserDetailList": [], "GroupDetailList": []}')
    cluster = '{"ClusterIdentifier": "warehouse", "ClusterNamespaceArn": "arn:aws:redshift:us-east-1:123456789012:namespace:x", "IamRoles": []}'
    (tmp_path / "facts/clusters/c.json").write_text(f'{{"Clusters": [{cluster}]}}')
    made = rolegate("init", tmp_path, "--cluster-endpoint", "warehouse.abc.us-east-1.redshift.amazonaws.com")
    assert made.returncode == 0, made.stderr
    assert "rules alone" not in made.stdout, "there are facts"
    shown = rolegate("config", "show", tmp_path / "rolegate.toml").stdout
    assert "facts/iam/123456789012.json" in shown and 'cluster = "warehouse"' in shown
    checked = rolegate("config", "check", tmp_path / "rolegate.toml")
    assert checked.returncode == 0, checked.stderr


def test_what_stops_people_is_named_with_its_remedy(tmp_path):
    """A name that does not resolve, a closed port, a port that is taken, a key that all may read, an audit that cannot be written."""
    status, checks = doctor(configuration(tmp_path / "name", "no-such-host.invalid:5439"))
    assert (status, checks["name"][0]) == (1, "failed") and "VPC's resolver" in checks["name"][2]
    assert "reach" not in checks and "cluster TLS" not in checks
    status, checks = doctor(configuration(tmp_path / "port", f"127.0.0.1:{free_port()}"))
    assert (status, checks["reach"][0]) == (1, "failed") and "nothing listens there" in checks["reach"][2]
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = {"ROLEGATE__GATE__0__LISTEN": f"127.0.0.1:{holder.getsockname()[1]}"}
        status, checks = doctor(configuration(tmp_path / "taken", f"127.0.0.1:{free_port()}"), env=taken)
        assert checks["port"][0] == "failed" and "ss -ltnp" in checks["port"][2], checks
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("gate.example", "127.0.0.1")
    key.chmod(0o644)
    tls = f'[gate.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    before = '[policy.severity]\nRG104 = "annotate"\n'
    path = configuration(tmp_path / "files", f"127.0.0.1:{free_port()}", before=before, more=tls)
    status, checks = doctor(path, env={"ROLEGATE__AUDIT__PATH": "/nowhere/audit.jsonl"})
    assert checks["secret"] == ("warning", "others may read or change it (mode 644)", f"chmod 600 {key}"), checks
    assert checks["audit"][0] == "failed" and "make the folder" in checks["audit"][2]
    assert checks["gate certificate"][0] == "warning", "it ends in two days"
    broken = rolegate("doctor", "--config", tmp_path / "missing.toml")
    assert broken.returncode == 2 and not broken.stdout


def test_certificates_of_the_cluster(tmp_path):
    authority = Authority(tmp_path / "ca")
    server = encrypted_postgres(authority)
    try:
        address = f"localhost:{server.port}"

        def tls(*lines):
            return doctor(configuration(tmp_path / "gate", address, more='dialect = "postgresql"', tls="\n".join(lines)))[1]

        found = tls('tls = "verify-full"')["cluster TLS"]
        assert found[0] == "failed" and "db.example" in found[1] and "[gate.upstream] ca" in found[2], found
        ca = f'ca = "{authority.certificate}"'
        found = tls('tls = "verify-full"', ca)["cluster TLS"]
        assert found[0] == "failed" and "server_name" in found[2], found
        found = tls('tls = "verify-full"', ca, 'server_name = "db.example"')
        assert found["cluster TLS"][0] == "good" and found["cluster certificate"][0] == "warning", found
        assert tls('tls = "require"')["cluster TLS"][0] == "warning"
    finally:
        server.stop()


def test_a_server_without_tls(tmp_path, postgres):
    found = doctor(configuration(tmp_path, f"127.0.0.1:{postgres.port}", more='dialect = "postgresql"', tls='tls = "require"'))[1]
    assert found["cluster TLS"][0] == "failed" and "speaks no TLS" in found["cluster TLS"][2], found


def test_who_comes_around_the_gate(tmp_path):
    """The service connection sees a client that came from another address than the gate."""
    postgres = Postgres(pg_folder())
    with (postgres.data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 127.0.0.0/8 trust\n")
    postgres.run([PG_BIN / "pg_ctl", "-D", postgres.data, "reload"])
    catalog = 'dialect = "postgresql"\ncatalog = { user = "postgres", database = "postgres" }'
    path = configuration(tmp_path, f"127.0.0.1:{postgres.port}", more=catalog)
    status, checks = doctor(path)
    assert (checks["around"][0], checks["clock"][0]) == ("good", "good"), checks
    with Wire(postgres.port, source="127.0.0.2") as wire:
        wire.login("postgres", "postgres")
        status, checks = doctor(path)
        assert status == 0 and checks["around"][0] == "warning" and "127.0.0.2 (postgres)" in checks["around"][1], checks
        assert doctor(path, "--gate-address", "127.0.0.0/24")[1]["around"][0] == "good"
    path = configuration(tmp_path / "nobody", f"127.0.0.1:{postgres.port}", more=catalog.replace('"postgres", d', '"nobody", d'))
    status, checks = doctor(path)
    assert status == 1 and checks["service connection"][0] == "failed" and "[gate.catalog]" in checks["service connection"][2]
    postgres.stop()


def test_who_comes_around_the_gate_of_a_redshift(tmp_path):
    server = Standin(tmp_path / "standin", "cleartext")
    password = tmp_path / "password"
    password.write_text("demo\n")
    password.chmod(0o600)

    def catalog(user):
        keys = f'catalog = {{ user = "{user}", password_file = "{password}", database = "dev" }}'
        return configuration(tmp_path / user, f"127.0.0.1:{server.port}", more=keys)

    try:
        checks = doctor(catalog("etl"))[1]
        assert checks["clock"][0] == "good", checks
        assert checks["around"][0] == "not_checked" and "grant select on sys_connection_log to etl" in checks["around"][2], checks
        path = catalog("rolegate")
        assert doctor(path)[1]["around"][0] == "good", "only the gate's own address was seen"
        with Wire(server.port, source="127.0.0.2") as wire:
            wire.login("analyst", "dev")
            wire.send(query("select 1"))
            wire.until_ready()
        checks = doctor(path)[1]
        assert checks["around"][:2] == ("warning", "clients came around the gate: 127.0.0.2 (analyst)"), checks
        assert doctor(path, "--gate-address", "127.0.0.0/24")[1]["around"][0] == "good"
    finally:
        server.stop()


def test_systemd_is_told(tmp_path, postgres):
    """READY=1 once the gates are open, WATCHDOG=1 three times a period from the start on, STOPPING=1 at the drain."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(20)
        gate = Gate(tmp_path / "gate", postgres.port, env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "900000"})
        told = []
        while len(told) < 4 or not told[-1].startswith("WATCHDOG=1"):
            told.append(systemd.recv(4096).decode())
        assert told.count("READY=1\nSTATUS=1 gate open\n") == 1, told
        assert told.count("WATCHDOG=1\n") == len(told) - 1 >= 3, told
        assert gate.stop() == 0
        systemd.settimeout(0.5)
        rest = []
        while True:
            try:
                rest.append(systemd.recv(4096).decode())
            except TimeoutError:
                break
        assert "STOPPING=1\nSTATUS=draining\n" in rest, rest


def test_without_systemd_nothing_is_told(tmp_path, postgres):
    gate = Gate(tmp_path / "gate", postgres.port)
    assert "systemd" not in gate.process.output()
    assert gate.stop() == 0


def test_completions_and_manual_pages(tmp_path):
    script = tmp_path / "rolegate.bash"
    script.write_text(rolegate("completions", "bash").stdout)
    probe = f"""source {script}; COMP_WORDS=(rolegate do); COMP_CWORD=1; _rolegate rolegate do rolegate; echo "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-euc", probe], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["doctor"], done
    for shell in ["zsh", "fish", "elvish", "powershell"]:
        assert "rolegate" in rolegate("completions", shell).stdout, shell
    assert rolegate("manual", tmp_path / "man1").returncode == 0
    pages = sorted((tmp_path / "man1").iterdir())
    assert len(pages) > 20 and not [page for page in pages if page.suffix != ".1"]
    lint = subprocess.run(["groff", "-man", "-ww", "-Wbreak", "-z", "-Tutf8", *pages], capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stderr) == (0, ""), lint.stderr


def test_the_demo_says_how_to_choose_other_ports(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        for option, variable in [("gate", "GATE"), ("standin", "STANDIN"), ("admin", "ADMIN")]:
            others = [f"--{name}=127.0.0.1:{free_port()}" for name in ("gate", "standin", "admin") if name != option]
            command = [BIN / "demo", f"--{option}=127.0.0.1:{port}", *others]
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "ROLEGATE_DEMO_DIR": str(tmp_path)}, check=False)
            assert done.returncode == 1 and f"make demo {variable}=127.0.0.1:" in done.stderr, done


def test_health_of_an_admin_address_with_tls(tmp_path, postgres):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("gate.example")
    extra = f'[admin.tls]\ncertificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{authority.certificate}"\n'
    gate = Gate(tmp_path / "gate", postgres.port, extra=extra)
    done = rolegate("health", "--config", gate.config)
    assert (done.returncode, done.stdout) == (0, "ready\n"), done
    assert gate.stop() == 0


def test_make_demo_takes_addresses():
    done = subprocess.run(["make", "--dry-run", "demo", "GATE=127.0.0.1:6439", "ADMIN=127.0.0.1:9440"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and "--gate 127.0.0.1:6439" in done.stdout and "--admin 127.0.0.1:9440" in done.stdout, done
    assert "--standin" not in done.stdout
