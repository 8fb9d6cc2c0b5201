"""The servers of the comparison: one PostgreSQL 15, and before it PgBouncer, HAProxy and the gate, one worker thread each."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from servers import PG_BIN, Postgres, Process, free_port  # noqa: E402

# Debian's package and program of each peer.
PACKAGES = {"pgbouncer": "/usr/sbin/pgbouncer", "haproxy": "/usr/sbin/haproxy"}
IDLE_LIMIT = 2500


def install():
    """Installs the peers that are missing, without starting their services."""
    missing = [package for package, program in PACKAGES.items() if not Path(program).exists()]
    if not missing:
        return
    root = [] if os.geteuid() == 0 else ["sudo"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run([*root, "apt-get", "update", "-qq"], env=quiet, check=True)
    command = [*root, "env", "RUNLEVEL=1", "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(command, env=quiet, check=True, stdout=subprocess.DEVNULL)


def versions(gate: Path) -> dict[str, str]:
    """What each program says of itself, in one line."""
    commands = {
        "postgresql": [PG_BIN / "postgres", "--version"],
        "pgbouncer": [PACKAGES["pgbouncer"], "--version"],
        "haproxy": [PACKAGES["haproxy"], "-v"],
        "rolegate": [gate, "--version"],
        "kernel": ["uname", "-sr"],
    }
    first = lambda command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]  # noqa: E731
    return {name: first(command) for name, command in commands.items()}


def certificate(folder: Path):
    """One self-signed P-256 certificate for every server of the run; HAProxy wants key and certificate in one file."""
    key, crt = folder / "server.key", folder / "server.crt"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", crt], check=True, capture_output=True)
    (folder / "server.pem").write_text(crt.read_text() + key.read_text())
    key.chmod(0o600)


class Database:
    """A PostgreSQL 15 with TLS, room for the idle crowd, pgbench's tables and a million rows of 100 bytes."""

    def __init__(self, folder: Path, rows: int):
        self.postgres = Postgres(folder)
        self.port = self.postgres.port
        for name in ("server.key", "server.crt"):
            shutil.copy(folder / name, self.postgres.data / name)
            if os.geteuid() == 0:
                shutil.chown(self.postgres.data / name, "postgres")
        (self.postgres.data / "server.key").chmod(0o600)
        options = f"-p {self.port} -k {folder} -h 127.0.0.1 -c fsync=off -c synchronous_commit=off -c ssl=on"
        options += f" -c max_connections={IDLE_LIMIT + 100} -c shared_buffers=256MB -c autovacuum=off -c jit=off"
        options += " -c max_parallel_workers_per_gather=0 -c log_min_messages=fatal"
        self.postgres.run([PG_BIN / "pg_ctl", "-D", self.postgres.data, "-o", options, "-l", folder / "log", "-w", "-m", "fast", "restart"])
        connect = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        self.postgres.run([PG_BIN / "pgbench", "-i", "-q", "-s", "10", *connect, "postgres"])
        fill = f"create unlogged table wide as select repeat('x', 100) as filler from generate_series(1, {rows}); vacuum wide; checkpoint"
        for statement in fill.split("; "):
            self.postgres.run([PG_BIN / "psql", "-q", *connect, "-d", "postgres", "-c", statement])

    def stop(self):
        self.postgres.stop()


class Proxy:
    """A running proxy: the process that is measured, and where clients connect."""

    # Whether throughput and latency compare: not when other processes had to stand in the way.
    cpu_only = False
    client_tls = True

    def __init__(self, name: str, command: list, folder: Path, port: int):
        self.name = name
        self.port = port
        self.main = Process(command, folder / f"{name}.log")
        self.helpers: list[Process] = []
        self.main.wait_listening(port)
        self.pid = self.main.process.pid

    def stop(self):
        for process in [self.main, *self.helpers]:
            with contextlib.suppress(AssertionError):
                process.stop()


class Direct:
    """No proxy: what PostgreSQL itself does, to subtract from latencies."""

    name = "direct"
    pid = None
    cpu_only = False
    client_tls = True

    def __init__(self, port: int):
        self.port = port

    def stop(self):
        """Nothing was started."""


def pgbouncer(folder: Path, upstream: int, tls: bool, name: str = "pgbouncer", once: bool = False) -> Proxy:
    """PgBouncer in session mode; `once` gives every client a server connection of its own, as the gate and HAProxy do."""
    port = free_port()
    users, settings = folder / "users.txt", folder / f"{name}.ini"
    users.write_text('"postgres" ""\n')
    secure = f"client_tls_sslmode = require\nclient_tls_key_file = {folder}/server.key\nclient_tls_cert_file = {folder}/server.crt\n"
    settings.write_text(
        f"""[databases]
postgres = host=127.0.0.1 port={upstream} dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = session
max_client_conn = {IDLE_LIMIT}
default_pool_size = {IDLE_LIMIT}
log_connections = 0
log_disconnections = 0
log_stats = 0
ignore_startup_parameters = extra_float_digits
{"server_lifetime = 0" if once else ""}
{secure + "server_tls_sslmode = require" if tls else "server_tls_sslmode = disable"}
"""
    )
    user = []
    if os.geteuid() == 0:
        for path in (users, settings, folder / "server.key"):
            shutil.chown(path, "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return Proxy(name, [*user, PACKAGES["pgbouncer"], "-q", settings], folder, port)


def _haproxy(folder: Path, name: str, bind: str, server: str) -> list:
    settings = folder / f"{name}.cfg"
    settings.write_text(
        f"""global
    nbthread 1
    maxconn {2 * IDLE_LIMIT}
    ssl-server-verify none
    ssl-default-bind-options ssl-min-ver TLSv1.3
    ssl-default-server-options ssl-min-ver TLSv1.3
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen relay
    bind 127.0.0.1:{bind}
    server database 127.0.0.1:{server}
"""
    )
    return [PACKAGES["haproxy"], "-db", "-q", "-f", settings]


def haproxy(folder: Path, upstream: int, tls: bool) -> Proxy:
    """HAProxy in TCP mode. It cannot answer PostgreSQL's SSLRequest, so with TLS two more HAProxy processes stand on its sides,
    one that makes TLS of pgbench's plain connection and one that undoes it before PostgreSQL; only the middle one is measured."""
    port = free_port()
    if not tls:
        return Proxy("haproxy", _haproxy(folder, "haproxy", str(port), str(upstream)), folder, port)
    inner, outer, pem = free_port(), free_port(), folder / "server.pem"
    command = _haproxy(folder, "haproxy", f"{port} ssl crt {pem}", f"{inner} ssl")
    proxy = Proxy("haproxy", command, folder, port)
    for name, at, bind, server in (
        ("haproxy-inner", inner, f"{inner} ssl crt {pem}", str(upstream)),
        ("haproxy-outer", outer, str(outer), f"{port} ssl"),
    ):
        helper = Process(_haproxy(folder, name, bind, server), folder / f"{name}.log")
        proxy.helpers.append(helper)
        helper.wait_listening(at)
    proxy.port, proxy.cpu_only, proxy.client_tls = outer, True, False
    return proxy


def rolegate(folder: Path, upstream: int, tls: bool, program: Path) -> Proxy:
    """The gate as a release has it."""
    port, settings = free_port(), folder / "rolegate.toml"
    section = f'[gate.tls]\ncertificate = "{folder}/server.crt"\nkey = "{folder}/server.key"\n' if tls else ""
    settings.write_text(
        f"""[admin]
listen = "127.0.0.1:{free_port()}"
[log]
level = "error"
[audit]
path = "off"
[runtime]
workers = 1
[[gate]]
name = "bench"
listen = "127.0.0.1:{port}"
dialect = "postgresql"
[gate.upstream]
address = "127.0.0.1:{upstream}"
tls = "{"require" if tls else "disable"}"
{section}"""
    )
    return Proxy("rolegate", [program, "serve", "--config", settings], folder, port)
