"""Sessions of the drivers that run in Python: each does the steps that test_drivers.py tells, and says what it saw."""

import asyncio
import os
import struct
import threading
import time
from unittest import mock

import asyncpg
import psycopg
import pyodbc
import redshift_connector
from wire import Wire

REFUSED = "copy t from 's3://b/x' iam_role 'bad'"
SUM = 500_500


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


def trusting(authority):
    """Makes the system's certificates be `authority`'s alone: redshift_connector has no setting for it."""
    return mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(authority)})


def through_redshift_connector(gate):
    with trusting(gate.authority):
        connection = redshift_connector.connect(
            host="127.0.0.1", port=gate.port, user="postgres", password="", database="postgres", sslmode="verify-full"
        )
    connection.autocommit = True
    cursor = connection.cursor()

    def rows(sql, parameters=None):
        return cursor.execute(sql, parameters).fetchall()

    def sqlstate(sql):
        try:
            cursor.execute(sql)
        except redshift_connector.Error as error:
            return error.args[0]["C"]
        return None

    def cancel():
        # The driver has no cancel of its own: its key, and the request as the protocol has it.
        with Wire(gate.port) as wire:
            wire.send(struct.pack("!ii", 16, 80877102), connection._backend_key_data)

    seen = {"query": rows("select 41 + 1")[0][0], "prepared": [rows("select %s * 2", (n,))[0][0] for n in range(3)]}
    connection.autocommit = False
    cursor.execute("declare many cursor for select generate_series(1, 1000)")
    fetched = iter(lambda: rows("fetch forward 100 from many"), ())
    seen["cursor"] = sum(row[0] for batch in fetched for row in batch)
    connection.commit()
    seen["in_transaction"], seen["aborted"] = sqlstate(REFUSED), sqlstate("select 1")
    connection.rollback()
    connection.autocommit = True
    seen["error"], seen["refusal"] = sqlstate("select 1/0"), sqlstate(REFUSED)
    threading.Timer(0.3, cancel).start()
    seen["cancel"] = sqlstate("select pg_sleep(30)")
    seen["after"] = rows("select 1")[0][0]
    connection.close()
    return seen
