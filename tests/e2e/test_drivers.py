"""A whole session of each driver over TLS: query, prepared statement, cursor, cancel, error, refusal, transaction.

A PostgreSQL stands behind a gate that offers TLS with a certificate by the test's own authority. What a driver sees of each
step is reduced to values and SQLSTATEs, which must be the same for all of them.
"""

import subprocess

import drivers
import drivers_programs as programs
import psycopg
import psycopg2
import pytest
from authority import Authority
from servers import PG_BIN, Gate
from shim import Shim

EXPECTED = {
    "query": 42,
    "prepared": [0, 2, 4],
    "cursor": drivers.SUM,
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


@pytest.fixture(scope="module")
def as_redshift(postgres, tmp_path_factory):
    """The same, and the PostgreSQL starts its sessions as Redshift does."""
    folder = tmp_path_factory.mktemp("as_redshift")
    authority = Authority(folder / "authority")
    shim = Shim(postgres.port)
    gate = Gate(folder / "gate", shim.port, gate_extra=authority.gate_tls() + "required = true")
    gate.authority = authority.certificate
    yield gate
    assert gate.stop() == 0
    shim.stop()
    # The gate has passed on what only Redshift knows.
    assert all(b"\0client_protocol_version\0" in opening for opening in shim.openings if opening[4:8] == b"\0\3\0\0")


SESSIONS = {
    "psycopg2": lambda gate: drivers.psycopg_2_and_3(psycopg2, gate),
    "psycopg 3": lambda gate: drivers.psycopg_2_and_3(psycopg, gate),
    "asyncpg": drivers.through_asyncpg,
    "node-postgres": programs.through_node,
    "psqlODBC": drivers.through_odbc,
    "psql": programs.through_psql,
    "pgjdbc": programs.through_pgjdbc,
    "redshift_connector": drivers.through_redshift_connector,
}
# psqlODBC rolls a failed transaction back by itself, and names a cancelled statement by ODBC's own code.
OWN_WAYS = {"psqlODBC": {"aborted": None}}


@pytest.mark.parametrize("driver", SESSIONS)
def test_session(request, driver):
    gate = request.getfixturevalue("as_redshift" if driver == "redshift_connector" else "encrypted")
    expected = {**EXPECTED, **OWN_WAYS.get(driver, {})}
    seen = SESSIONS[driver](gate)
    assert seen == {key: value for key, value in expected.items() if value is not None}


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
