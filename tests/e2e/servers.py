"""Servers that the tests start: the demo, gates, a PostgreSQL 15 and a Prometheus. Each on ports of its own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
PG_BIN = Path("/usr/lib/postgresql/15/bin")


# Ports that were given last stay bound, without a listener: the system gives them to nobody else, neither to another test that asks nor
# to a connection that leaves from here, while a server with SO_REUSEADDR (all of ours) may still listen there.
RESERVED = deque(maxlen=200)


def free_port() -> int:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    RESERVED.append(sock)
    return sock.getsockname()[1]


def wait_for(what, condition, seconds=20.0):
    """Waits until `condition()` is true; a failing condition is an assertion that names `what`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


def listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def http(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@dataclass
class Process:
    """A program with its output in a file."""

    command: list
    log: Path
    env: dict = field(default_factory=dict)
    cwd: Path = ROOT
    process: subprocess.Popen = field(init=False)

    def __post_init__(self):
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in self.command],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.env},
                cwd=self.cwd,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_listening(self, port: int):
        def ready():
            assert self.process.poll() is None, f"{self.command[0]} ended:\n{self.output()}"
            return listens(port)

        wait_for(f"{self.command[0]} on port {port}", ready, 60)

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=20) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.command[0]} did not end:\n{self.output()}") from None
        return self.process.returncode


@dataclass
class Postgres:
    """A PostgreSQL 15 cluster in a folder of its own, without passwords."""

    folder: Path
    port: int = field(default_factory=free_port)
    settings: str = ""

    def __post_init__(self):
        self.data = self.folder / "data"
        self.as_user = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.as_user = ["runuser", "-u", "postgres", "--"]
        self.run([PG_BIN / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -c fsync=off -c max_connections=200 {self.settings}"
        self.run([PG_BIN / "pg_ctl", "-D", self.data, "-o", options, "-l", self.folder / "log", "-w", "start"])

    def run(self, command):
        done = subprocess.run([*self.as_user, *map(str, command)], capture_output=True, text=True, cwd=self.folder, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self):
        self.run([PG_BIN / "pg_ctl", "-D", self.data, "-m", "immediate", "stop"])


def pg_folder() -> Path:
    """A folder that the user postgres can enter."""
    folder = Path(tempfile.mkdtemp(prefix="rolegate-pg-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


def for_all(folder: Path) -> Path:
    """Lets any user enter a folder of pytest's."""
    for parent in [folder, *folder.parents]:
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    return folder


def whole_records(audit: str, event: str | None = None) -> list[dict]:
    """The records of an audit that is being written, those of one event or all: the last line may not be there to its end."""
    records = [json.loads(line) for line in audit[: audit.rfind("\n") + 1].splitlines()]
    return [record for record in records if event in (None, record["event"])]


@dataclass
class Gate:
    """A gate of its own, by default in front of a PostgreSQL."""

    folder: Path
    upstream: int
    extra: str = ""
    audit_extra: str = ""
    admin_extra: str = ""
    gate_extra: str = ""
    dialect: str = "postgresql"
    tls: str = 'tls = "disable"'
    program: Path = BIN / "rolegate"
    env: dict = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "rolegate.toml"
        self.audit = self.folder / "audit.jsonl"
        self.write()
        command = [self.program, "serve", "--config", self.config]
        self.process = Process(command, self.folder / "log", env=self.env)
        self.process.wait_listening(self.admin)
        self.process.wait_listening(self.port)

    def write(self):
        self.config.write_text(
            f"""{self.extra}
[admin]
listen = "127.0.0.1:{self.admin}"
{self.admin_extra}
[audit]
path = "{self.audit}"
{self.audit_extra}
[[gate]]
name = "test"
listen = "127.0.0.1:{self.port}"
dialect = "{self.dialect}"
{self.gate_extra}
[gate.upstream]
address = "127.0.0.1:{self.upstream}"
{self.tls}
"""
        )

    def metrics(self) -> str:
        status, body = http(self.admin, "/metrics")
        assert status == 200
        return body

    def records(self, event: str | None = None) -> list[dict]:
        return whole_records(self.audit.read_text(), event)

    def verdicts(self) -> list[dict]:
        """What the audit says of statements, without what it says of the gate."""
        return self.records("verdict")

    def stop(self) -> int:
        return self.process.stop()


@dataclass
class Demo:
    """What `make demo` starts, on other ports."""

    folder: Path
    gate: int = field(default_factory=free_port)
    standin: int = field(default_factory=free_port)
    admin: int = field(default_factory=free_port)
    # Whether nobody works there.
    idle: bool = True

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.record = self.folder / "received.jsonl"
        self.process = Process(
            [
                BIN / "demo",
                *(["--idle"] if self.idle else []),
                "--gate",
                f"127.0.0.1:{self.gate}",
                "--standin",
                f"127.0.0.1:{self.standin}",
                "--admin",
                f"127.0.0.1:{self.admin}",
                "--record",
                self.record,
            ],
            self.folder / "log",
            env={"ROLEGATE_DEMO_DIR": str(self.folder / "data")},
        )
        self.process.wait_listening(self.standin)
        self.process.wait_listening(self.admin)
        # Its gate takes connections, and its catalogue is read.
        wait_for("the demo", lambda: http(self.admin, "/readyz")[0] == 200, 60)

    def received(self) -> str:
        return self.record.read_text() if self.record.exists() else ""

    def audit(self) -> str:
        return (self.folder / "data" / "audit.jsonl").read_text()

    def records(self, event: str | None = None) -> list[dict]:
        return whole_records(self.audit(), event)

    def verdicts(self) -> list[dict]:
        """What the audit says of statements, without what it says of the gate."""
        return self.records("verdict")

    def stop(self, number=signal.SIGINT) -> int:
        return self.process.stop(number)
