"""What PostgreSQL's own clients do all day, straight at the server and through the gate: the output is the same, and nothing is
refused, under either dialect."""

import os
import re
import subprocess

import psycopg
import pytest
from servers import PG_BIN, Gate

# psql's edit commands open an editor: one that writes what it was given to the output.
ENVIRONMENT = {**os.environ, "PGSSLMODE": "disable", "PSQL_EDITOR": "cat"}
SCHEMA = """
create schema shop;
create table shop.sales (id int primary key, iam_role text default 'arn:aws:iam::123456789012:role/RoleA', note text, data bytea);
insert into shop.sales select n, 'arn:aws:iam::123456789012:role/R' || n, E'it''s \\\\N \\t ' || n, decode('00ff', 'hex') from generate_series(1, 50) n;
create view shop.roles as select iam_role, count(*) from shop.sales where iam_role like 'arn:aws:iam::%:role/%' group by 1;
create materialized view shop.kept as select * from shop.roles;
comment on table shop.sales is 'copy t from ''s3://b'' iam_role ''arn:aws:iam::123456789012:role/RoleA''';
create function shop.twice(n int) returns int language plpgsql as $$ begin return n * 2; end $$;
create function shop.grow(n int) returns int language sql as 'select $1 + 1';
create procedure shop.nothing() language plpgsql as $$ begin perform 'copy'; end $$;
create index sales_note on shop.sales (note);
create sequence shop.numbers;
create role "iam_role";
grant select on shop.sales to "iam_role";
"""


@pytest.fixture(scope="module")
def shop(postgres):
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("drop database if exists shop")
        connection.execute("create database shop")
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname="shop", autocommit=True) as connection:
        connection.execute(SCHEMA)
    return postgres


@pytest.fixture(scope="module", params=["postgresql", "redshift"])
def through(shop, request, tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("ordinary"), shop.port, dialect=request.param)
    yield gate
    gate.stop()


def run(program: str, port: int, *arguments: str, stdin: str = "") -> str:
    command = [PG_BIN / program, "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # A dump since 2025 holds a random word, so that psql takes no commands from it.
    return re.sub(r"\\(un)?restrict \w+", "", done.stdout) + done.stderr


@pytest.mark.parametrize("options", [[], ["--schema-only"], ["--inserts"], ["--clean", "--create"]], ids=lambda options: "".join(options) or "plain")
def test_pg_dump(shop, through, options):
    direct, gated = (run("pg_dump", port, "-d", "shop", *options) for port in (shop.port, through.port))
    assert "CREATE TABLE shop.sales" in direct
    assert gated == direct


PSQL = [
    r"\l", r"\du", r"\d", r"\d shop.*", r"\d+ shop.sales", r"\dn+", r"\dt+ *.*", r"\dv shop.*", r"\df shop.*", r"\df+ shop.*", r"\ef shop.twice", r"\ef shop.grow",
    r"\sf shop.twice", r"\dp shop.*", r"\di shop.*", r"\ds shop.*", r"\dT", r"\conninfo", r"\dx", r"\dconfig work_mem", r"\encoding", r"\z shop.sales",
]  # fmt: skip


@pytest.mark.parametrize("command", PSQL)
def test_psql(shop, through, command):
    direct, gated = (run("psql", port, "-d", "shop", "-X", stdin=command + "\n").replace(f'"{port}"', '"port"') for port in (shop.port, through.port))
    assert gated == direct


def test_psql_copies(shop, through, tmp_path):
    def session(port: int, name: str) -> str:
        (tmp_path / name).mkdir()
        file = tmp_path / name / "sales.csv"
        said = run(
            "psql", port, "-d", "shop", "-X", "-v", "ON_ERROR_STOP=1",
            stdin=f"""\\copy shop.sales to '{file}' with (format csv, header)
begin;
create temp table t (like shop.sales);
\\copy t from '{file}' with (format csv, header)
\\copy t (id, iam_role) from stdin
1\ta\\\\N
2\tcopy t from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA'
\\.
\\copy (select id, iam_role from t order by 1, 2) to stdout
rollback;
""",
        )  # fmt: skip
        return said + file.read_text()

    assert session(through.port, "gated") == session(shop.port, "direct")


def test_a_dump_is_restored_through_the_gate(shop, through):
    dump = run("pg_dump", through.port, "-d", "shop", "--no-owner")
    with psycopg.connect(host="127.0.0.1", port=shop.port, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("drop database if exists restored")
        connection.execute("create database restored")
    said = run("psql", through.port, "-d", "restored", "-X", "-v", "ON_ERROR_STOP=1", stdin=dump)
    assert "ERROR" not in said
    assert run("pg_dump", shop.port, "-d", "restored", "--no-owner") == dump


def test_pgbench(shop, through):
    run("pgbench", through.port, "-i", "-q", "shop")
    for mode in ("simple", "extended", "prepared"):
        assert "number of failed transactions: 0" in run("pgbench", through.port, "-t", "20", "-M", mode, "shop")
