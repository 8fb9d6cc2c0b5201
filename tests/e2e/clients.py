"""Five real clients behind one function: run statements on one connection, and say how each came out."""

import asyncio
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psycopg
import redshift_connector

HERE = Path(__file__).resolve().parent
JDBC = "/usr/share/java/postgresql.jar"


@dataclass
class Outcome:
    """Rows of a statement, or the error it was answered with."""

    rows: list = field(default_factory=list)
    code: str = ""
    message: str = ""

    @property
    def refused(self) -> bool:
        return self.code != ""


def _psql(port, user, tls, statements):
    env = {**os.environ, "PGPASSWORD": "demo", "PGSSLMODE": "require" if tls else "disable"}
    # A marker between the statements tells their outputs apart.
    script = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n"
    for statement in statements:
        script += f"{statement};\n\\echo --end--\n\\warn --end--\n"
    command = ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", "dev"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert "connection to server" not in done.stderr, done.stderr
    outcomes = []
    for out, err in zip(done.stdout.split("--end--\n"), done.stderr.split("--end--\n"), strict=True):
        error = re.search(r"^ERROR:\s+(\w{5}): (.*)", err, re.MULTILINE | re.DOTALL)
        rows = [line.split("|") for line in out.splitlines()]
        outcomes.append(Outcome(rows, error[1], error[2]) if error else Outcome(rows))
    return outcomes[: len(statements)]


def _psycopg(port, user, tls, statements):
    outcomes = []
    mode = "require" if tls else "disable"
    # Redshift calls its encoding UNICODE, which psycopg knows only by the name UTF8: its users set client_encoding.
    connected = psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=user,
        password="demo",
        dbname="dev",
        sslmode=mode,
        autocommit=True,
        client_encoding="utf8",
    )
    with connected as connection:
        for statement in statements:
            try:
                cursor = connection.execute(statement)
                outcomes.append(Outcome([list(map(str, row)) for row in cursor] if cursor.description else []))
            except psycopg.Error as error:
                details = [error.diag.message_primary, error.diag.message_detail, error.diag.message_hint]
                outcomes.append(Outcome([], error.sqlstate or "?", "\n".join(filter(None, details))))
    return outcomes


def _asyncpg(port, user, tls, statements):
    async def session():
        outcomes = []
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user=user, password="demo", database="dev", ssl="require" if tls else "disable"
        )
        try:
            for statement in statements:
                try:
                    rows = await connection.fetch(statement)
                    outcomes.append(Outcome([list(map(str, row.values())) for row in rows]))
                except asyncpg.PostgresError as error:
                    details = [str(error), error.detail, error.hint]
                    outcomes.append(Outcome([], error.sqlstate, "\n".join(filter(None, details))))
        finally:
            await connection.close()
        return outcomes

    return asyncio.run(session())


def _redshift_connector(port, user, tls, statements):
    outcomes = []
    with redshift_connector.connect(
        host="127.0.0.1", port=port, user=user, password="demo", database="dev", ssl=tls, sslmode="verify-ca" if tls else None
    ) as connection:
        connection.autocommit = True
        for statement in statements:
            try:
                cursor = connection.cursor()
                cursor.execute(statement)
                outcomes.append(Outcome([list(map(str, row)) for row in cursor.fetchall()] if cursor.description else []))
            except redshift_connector.Error as error:
                fields = error.args[0]
                outcomes.append(Outcome([], fields["C"], "\n".join(str(fields[key]) for key in "MDH" if key in fields)))
    return outcomes


def _pgjdbc(port, user, tls, statements):
    command = ["java", "-cp", JDBC, str(HERE / "Session.java"), str(port), user, "require" if tls else "disable"]
    done = subprocess.run(command, input="\x1e".join(statements), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = []
    for line in done.stdout.splitlines():
        kind, *values = json.loads(line)
        outcomes.append(Outcome([], *values) if kind == "error" else Outcome(values))
    return outcomes


CLIENTS = {
    "psql": _psql,
    "psycopg": _psycopg,
    "redshift_connector": _redshift_connector,
    "pgjdbc": _pgjdbc,
    "asyncpg": _asyncpg,
}


def run(client: str, port: int, user: str, tls: bool, statements: list[str]) -> list[Outcome]:
    """Runs the statements one after another, in autocommit, on one connection of `client`."""
    outcomes = CLIENTS[client](port, user, tls, statements)
    assert len(outcomes) == len(statements), outcomes
    return outcomes
