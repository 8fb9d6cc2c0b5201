"""Sessions of the clients that are programs of their own: the same steps as in drivers.py."""

import json
import os
import re
import signal
import subprocess

import psycopg
from clients import JDBC
from drivers import REFUSED
from servers import wait_for

HERE = os.path.dirname(__file__)
# psql 15 prepares in SQL alone; FETCH_COUNT makes it fetch by a cursor. The marked lines are what the test reads.
PSQL = f"""\\set VERBOSITY sqlstate
\\echo =query
select 41 + 1;
\\echo =prepared
prepare twice(int) as select $1 * 2;
execute twice(0); execute twice(1); execute twice(2);
\\echo =cursor
\\set FETCH_COUNT 100
select generate_series(1, 1000);
\\set FETCH_COUNT 0
\\echo =error
select 1/0;
\\echo :SQLSTATE
\\echo =refusal
{REFUSED};
\\echo :SQLSTATE
\\echo =in_transaction
begin;
{REFUSED};
\\echo :SQLSTATE
\\echo =aborted
select 1;
\\echo :SQLSTATE
rollback;
\\echo =after
select 1;
select pg_sleep(30);
"""


def printed(command):
    """The JSON that a session's program prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def through_node(gate):
    seen = printed(["node", os.path.join(HERE, "driver.js"), str(gate.port), str(gate.authority), REFUSED])
    assert seen.pop("refusal_prepared") == "42501"
    return seen


def through_pgjdbc(gate):
    seen = printed(["java", "-cp", JDBC, os.path.join(HERE, "Driver.java"), str(gate.port), str(gate.authority), REFUSED])
    assert seen.pop("refusal_prepared") == "42501"
    return seen


def sleeps(gate):
    """Whether a session of psql's is in its long statement."""
    with psycopg.connect(host="127.0.0.1", port=gate.port, user="postgres", dbname="postgres", sslmode="require") as connection:
        running = "select 1 from pg_stat_activity where application_name = 'psql' and state = 'active' and query like '%pg_sleep%'"
        return connection.execute(running).fetchone() is not None


def through_psql(gate):
    settings = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(gate.authority), "PGHOST": "127.0.0.1", "PGPORT": str(gate.port)}
    process = subprocess.Popen(
        ["psql", "-X", "-q", "-A", "-t", "-U", "postgres", "-d", "postgres"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **settings},
    )
    process.stdin.write(PSQL)
    process.stdin.flush()
    try:
        wait_for("psql's long statement", lambda: sleeps(gate))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    parts = {name: lines.split() for name, lines in re.findall(r"^=(\w+)\n([^=]*)", out, re.MULTILINE)}
    numbers = {name: [int(line) for line in parts.pop(name)] for name in ("query", "prepared", "cursor", "after")}
    seen = {name: lines[0] for name, lines in parts.items()}
    seen["query"], seen["after"] = numbers["query"][0], numbers["after"][0]
    seen["prepared"], seen["cursor"] = numbers["prepared"], sum(numbers["cursor"])
    # Interrupted in a script, psql cancels the statement, says so and ends.
    seen["cancel"] = re.findall(r"^ERROR:\s+(\w{5})$", err, re.MULTILINE)[-1]
    return seen
