"""A whole session of each driver over TLS: query, prepared statement, cursor, cancel, error, refusal, transaction.

A PostgreSQL stands behind a gate that offers TLS with a certificate by the test's own authority. What a driver sees of each
step is reduced to values and SQLSTATEs, which must be the same for all of them.
"""

import asyncio
import json
import os
import subprocess
import threading
import time

import asyncpg
import psycopg
import psycopg2
import pyodbc
import pytest
from authority import Authority
from servers import Gate

REFUSED = "copy t from 's3://b/x' iam_role 'bad'"
SUM = 500_500
EXPECTED = {
    "query": 42,
    "prepared": [0, 2, 4],
    "cursor": SUM,
    "error": "22012",
    "refusal": "42501",
    "in_transaction": "42501",
    "aborted": "25P02",
    "cancel": "57014",
    "after": 1,
}


@pytest.fixture(scope="module")
def encrypted(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drivers")
    authority = Authority(folder / "authority")
    gate = Gate(folder / "gate", postgres.port, gate_extra=authority.gate_tls() + "required = true")
    gate.authority = authority.certificate
    yield gate
    assert gate.stop() == 0


def code(action, errors):
    """The SQLSTATE that an action fails with."""
    try:
        action()
    except errors as error:
        return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or error.args[0]
    return None


def psycopg_2_and_3(module, gate):
    connection = module.connect(
        host="127.0.0.1", port=gate.port, user="postgres", dbname="postgres", sslmode="verify-full", sslrootcert=str(gate.authority)
    )
    connection.autocommit = True
    cursor = connection.cursor()

    def value(sql, parameters=None, **options):
        cursor.execute(sql, parameters, **options)
        return cursor.fetchone()[0]

    prepare = {"prepare": True} if module is psycopg else {}
    seen = {"query": value("select 41 + 1"), "prepared": [value("select %s::int * 2", (n,), **prepare) for n in range(3)]}
    connection.autocommit = False
    with connection.cursor(name="rows") as named:
        named.itersize = 100
        named.execute("select generate_series(1, 1000)")
        seen["cursor"] = sum(row[0] for row in named)
    connection.commit()
    seen["in_transaction"] = code(lambda: cursor.execute(REFUSED), module.Error)
    seen["aborted"] = code(lambda: cursor.execute("select 1"), module.Error)
    connection.rollback()
    connection.autocommit = True
    seen["error"] = code(lambda: cursor.execute("select 1/0"), module.Error)
    seen["refusal"] = code(lambda: cursor.execute(REFUSED), module.Error)
    threading.Timer(0.3, connection.cancel).start()
    seen["cancel"] = code(lambda: cursor.execute("select pg_sleep(30)"), module.Error)
    seen["after"] = value("select 1")
    connection.close()
    return seen


def through_asyncpg(gate):
    async def session():
        import ssl

        context = ssl.create_default_context(cafile=str(gate.authority))
        connection = await asyncpg.connect(host="127.0.0.1", port=gate.port, user="postgres", database="postgres", ssl=context)

        async def failed(sql, **options):
            try:
                await connection.fetch(sql, **options)
            except asyncpg.PostgresError as error:
                return error.sqlstate
            except TimeoutError:
                return "57014"
            return None

        statement = await connection.prepare("select $1::int * 2")
        seen = {"query": await connection.fetchval("select 41 + 1"), "prepared": [await statement.fetchval(n) for n in range(3)]}
        async with connection.transaction():
            seen["cursor"] = sum([row[0] async for row in connection.cursor("select generate_series(1, 1000)", prefetch=100)])
        seen["error"], seen["refusal"] = await failed("select 1/0"), await failed(REFUSED)
        transaction = connection.transaction()
        await transaction.start()
        seen["in_transaction"], seen["aborted"] = await failed(REFUSED), await failed("select 1")
        await transaction.rollback()
        began = time.monotonic()
        # asyncpg cancels what exceeds its time limit, and waits until the server has taken it.
        seen["cancel"] = await failed("select pg_sleep(30)", timeout=0.3)
        seen["after"] = await connection.fetchval("select 1")
        assert time.monotonic() - began < 10, "the backend was still busy"
        await connection.close()
        return seen

    return asyncio.run(session())


def through_node(gate):
    command = ["node", os.path.join(os.path.dirname(__file__), "driver.js"), str(gate.port), str(gate.authority), REFUSED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("refusal_prepared") == "42501"
    return seen


def through_odbc(gate):
    library = f"/usr/lib/{os.uname().machine}-linux-gnu/odbc/psqlodbcw.so"
    settings = f"DRIVER={library};Server=127.0.0.1;Port={gate.port};Database=postgres;Uid=postgres;SSLmode=require;UseDeclareFetch=1;Fetch=100"
    connection = pyodbc.connect(settings, autocommit=True)
    cursor = connection.cursor()
    seen = {
        "query": cursor.execute("select 41 + 1").fetchval(),
        "prepared": [cursor.execute("select ?::int * 2", n).fetchval() for n in range(3)],
        "cursor": sum(row[0] for row in cursor.execute("select generate_series(1, 1000)")),
        "error": code(lambda: cursor.execute("select 1/0").fetchall(), pyodbc.Error),
        "refusal": code(lambda: cursor.execute(REFUSED), pyodbc.Error),
    }
    connection.autocommit = False
    cursor.execute("create temp table odbc_session (i int)")
    seen["in_transaction"] = code(lambda: cursor.execute(REFUSED), pyodbc.Error)
    connection.rollback()
    connection.autocommit = True
    threading.Timer(0.5, cursor.cancel).start()
    seen["cancel"] = code(lambda: cursor.execute("select pg_sleep(30)").fetchall(), pyodbc.Error)
    seen["after"] = connection.cursor().execute("select 1").fetchval()
    connection.close()
    return seen


SESSIONS = {
    "psycopg2": lambda gate: psycopg_2_and_3(psycopg2, gate),
    "psycopg 3": lambda gate: psycopg_2_and_3(psycopg, gate),
    "asyncpg": through_asyncpg,
    "node-postgres": through_node,
    "psqlODBC": through_odbc,
}
# psqlODBC rolls a failed transaction back by itself, and names a cancelled statement by ODBC's own code.
OWN_WAYS = {"psqlODBC": {"aborted": None}}


@pytest.mark.parametrize("driver", SESSIONS)
def test_session(encrypted, driver):
    expected = {**EXPECTED, **OWN_WAYS.get(driver, {})}
    seen = SESSIONS[driver](encrypted)
    assert seen == {key: value for key, value in expected.items() if value is not None}
