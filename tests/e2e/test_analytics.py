"""The queries of deploy/analytics, on DuckDB over audits of hundreds of replicas and months, and over the audit of a real gate."""

import copy
import json
import re
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta

import audits
import duckdb
import jsonschema
import pytest
import sqlglot
from audits import ACCOUNT, OTHER
from guide import CHAIN, REFUSALS, UNLOAD, A, b
from servers import BIN, ROOT, Demo
from sqlglot import exp
from wire import Wire, query

ANALYTICS = ROOT / "deploy" / "analytics"
QUERIES = {path.stem: path.read_text() for path in sorted((ANALYTICS / "queries").glob("*.sql"))}
GRANTS = [
    ("warehouse", "cluster", f"{ACCOUNT}RoleA"),
    ("warehouse", f"{ACCOUNT}RoleA", f"{OTHER}RoleB"),
    ("warehouse", f"{ACCOUNT}RoleA", f"{OTHER}RoleForgotten"),
    ("finance", "cluster", f"{ACCOUNT}RoleForgotten"),
    # Used by statements that name no role.
    ("warehouse", "cluster", f"{ACCOUNT}RoleSpectrum"),
    ("warehouse", f"{ACCOUNT}RoleSpectrum", f"{OTHER}RoleGlue"),
]
# Properties of records that no table has: what binds records to one another and tells of the log's files is what `rolegate audit verify`
# reads (`before`, there a text, is a list in the record of a drift), `verdict` and `shadow` repeat others, and `policies` has a name for each gate.
NO_COLUMN = {"prev", "subtrees", "torn", "before", "checkpoint", "signed", "file", "of_log", "removed_before", "verdict", "shadow", "policies"}


class Lake:
    """A DuckDB that runs in a folder of audits, with the shipped definitions."""

    def __init__(self, folder):
        self.folder = folder
        self.use(duckdb.connect())
        self.connection.execute((ANALYTICS / "duckdb.sql").read_text())
        # The files are read once, whatever is asked of them.
        self.connection.execute("CREATE TABLE records AS SELECT * FROM rolegate_audit")
        self.connection.execute("CREATE OR REPLACE VIEW rolegate_audit AS SELECT * FROM records")

    def use(self, connection):
        self.connection = connection
        connection.execute(f"SET file_search_path = '{self.folder}'")
        connection.execute("SET TimeZone = 'UTC'")

    def ask(self, sql: str) -> list[dict]:
        found = self.connection.execute(sql)
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    expected = audits.write(folder, replicas=200, months=6, records=12)
    # Used half a year ago and not since; nobody but the generator's answer knows when.
    old = datetime.now(UTC) - timedelta(days=120)
    audits.write_teams(folder)
    audits.write_grants(folder, [*GRANTS, ("warehouse", "cluster", f"{ACCOUNT}RoleOld")])
    record = audits.verdict("f" * 16, 0, old, audits.random.Random(3))
    record |= {"event": "verdict", "action": "forward", "would_be": "forward", "findings": [], "gate": "warehouse", "user": "etl", "stored_uses": []}
    record["role_uses"] = [{"clause": "iam_role", "method": "chain", "roles": [f"{ACCOUNT}RoleOld"], "target": None}]
    audits.add(expected, record, old)
    path = folder / "audit" / f"day={old:%Y-%m-%d}" / "replica-old" / "audit.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record) + "\n")
    return folder, expected


@pytest.fixture(scope="module")
def lake(generated):
    return Lake(generated[0])


@pytest.fixture(scope="module")
def answers(lake):
    return {name: lake.ask(sql) for name, sql in QUERIES.items()}


def test_generated_records_are_as_the_schema_has_them(generated):
    folder, _expected = generated
    schema = json.loads((ROOT / "docs" / "audit.schema.json").read_text())
    path = next(folder.glob("audit/day=*/replica-1/audit.jsonl.gz"))
    for line in audits.gzip.decompress(path.read_bytes()).splitlines():
        jsonschema.validate(json.loads(line), schema)


def test_queries_over_hundreds_of_replicas_and_months(generated, lake, answers):
    _folder, expected = generated
    assert lake.ask("SELECT count(*) AS n, count(DISTINCT log) AS logs FROM rolegate_audit") == [{"n": expected.records, "logs": 201}]
    used = {(row["month"], row["gate"], row["chain"], row["kind"]): [row["ran"], row["refused"], row["users"]] for row in answers["chain_use_by_month"]}
    assert used == {key: [ran, refused, len(users)] for key, (ran, refused, users) in expected.used.items()}
    assert len({month for month, *_rest in used}) >= 6
    seen = {(row["gate"], row["chain"]): (row["first_seen"], row["last_seen"]) for row in answers["first_seen"]}
    assert seen == {key: tuple(time.replace(tzinfo=None) for time in times) for key, times in expected.seen.items()}
    refused = {(row["team"], row["code"]): row["refused"] for row in answers["refusals_by_team"]}
    assert refused == expected.refused and ("no team", "RG201") in refused
    would_be = {(row["team"], row["application"], row["code"], row["kind"]): row["would_be_refused"] for row in answers["would_be_refusals"]}
    assert would_be == expected.would_be
    unused = [(row["gate"], row["source"], row["target"], row["last_used"]) for row in answers["unused_grants"]]
    old = ("warehouse", "cluster", f"{ACCOUNT}RoleOld")
    assert unused == [
        ("finance", "cluster", f"{ACCOUNT}RoleForgotten", None),
        ("warehouse", f"{ACCOUNT}RoleA", f"{OTHER}RoleForgotten", None),
        (*old, expected.steps[old].replace(tzinfo=None)),
    ]


def statements(file: str) -> list[exp.Expression]:
    """What a file of definitions makes: tables of Athena are written as Hive has them, its views as Trino has them."""
    texts = [text for text in re.split(r";\n", (ANALYTICS / file).read_text()) if text.strip()]
    dialects = {"spectrum.sql": ("redshift", "redshift"), "athena.sql": ("athena", "trino")}[file]
    return [sqlglot.parse_one(text, read=dialects[" VIEW " in text]) for text in texts]


def as_duckdb(view: exp.Expression) -> str:
    """A view of Athena for DuckDB, where a list of structs unnests to one column and not to one for each field."""
    for unnest in view.find_all(exp.Unnest):
        alias = unnest.args["alias"]
        if len(alias.columns) > 2:
            unnest.set("alias", exp.TableAlias(this=exp.to_identifier(f"{alias.name}_rows"), columns=[exp.to_identifier(alias.name)]))
    return view.sql("duckdb")


def test_the_views_of_athena_say_the_same(lake, answers):
    # The table of records stands for what Athena reads itself; its views stand before those of DuckDB.
    athena = copy.copy(lake)
    athena.use(lake.connection.cursor())
    athena.connection.execute("CREATE SCHEMA athena")
    athena.connection.execute("SET search_path = 'athena,main'")
    views = [view for view in statements("athena.sql") if isinstance(view, exp.Create) and view.kind == "VIEW"]
    assert len(views) == 3
    for view in views:
        athena.connection.execute(as_duckdb(view))
    for name, sql in QUERIES.items():
        assert athena.ask(sqlglot.transpile(sql, read="trino", write="duckdb")[0]) == answers[name], name


def columns(file: str) -> dict[str, list[str]]:
    """The columns of each table and view that a file makes."""
    found = {}
    for statement in statements(file):
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            found[statement.this.this.name] = [column.name for column in statement.this.expressions]
        elif isinstance(statement, exp.Create) and statement.kind == "VIEW":
            found[statement.this.name] = [column.alias_or_name for column in statement.expression.selects]
    return found


def test_all_engines_have_the_same_columns(lake):
    athena, spectrum = columns("athena.sql"), columns("spectrum.sql")
    for view in ("rolegate_role_uses", "rolegate_steps", "rolegate_findings", "rolegate_teams", "rolegate_grants"):
        of_lake = [row["column_name"] for row in lake.ask(f"DESCRIBE {view}")]
        assert athena[view] == of_lake == spectrum[view], view
    of_lake = [row["column_name"] for row in lake.ask("DESCRIBE rolegate_audit") if row["column_name"] != "day"]
    assert athena["rolegate_audit"] == of_lake == spectrum["audit"]


def properties(schema: dict, part: dict) -> dict:
    """The properties that a part of the schema describes, those that it refers to included."""
    found = dict(part.get("properties", {}))
    for other in part.get("allOf", []):
        found |= properties(schema, schema["$defs"][other["$ref"].rsplit("/", 1)[1]])
    return found


def fields(kind: str) -> list[str] | None:
    """The fields of a column of lists of rows, in the words of DuckDB, Athena or Spectrum."""
    rows = re.fullmatch(r"(?:STRUCT\((.*)\)\[\]|array<struct<(.*)>>)", kind, re.IGNORECASE)
    return re.findall(r"(?:^|, )\W?(\w+)", rows[1] or rows[2]) if rows else None


def test_the_tables_have_every_field_of_the_schema(lake):
    schema = json.loads((ROOT / "docs" / "audit.schema.json").read_text())
    known = {}
    for event in schema["oneOf"]:
        known |= properties(schema, schema["$defs"][event["$ref"].rsplit("/", 1)[1]])
    described = lake.ask("DESCRIBE rolegate_audit")
    types = {row["column_name"]: row["column_type"] for row in described if row["column_name"] != "day"}
    assert set(types) == set(known) - NO_COLUMN and NO_COLUMN <= set(known)
    nested = {name: list(kind["items"]["properties"]) for name, kind in known.items() if name in types and "properties" in kind.get("items", {})}
    assert {"role_uses", "stored_uses", "hops", "rules", "findings"} == set(nested)
    for file, table in [("athena.sql", "rolegate_audit"), ("spectrum.sql", "audit")]:
        text = (ANALYTICS / file).read_text()
        for name, parts in nested.items():
            kind = re.search(rf"^  {name} (.*?),?$", text, re.MULTILINE)[1]
            assert fields(kind) == parts == fields(types[name]), (file, table, name)


def test_what_break_glass_let_through_and_stored_uses_count(lake):
    assert lake.ask("SELECT count(*) AS n FROM rolegate_role_uses AS u JOIN rolegate_audit AS a USING (id) WHERE a.event = 'break_glass'")[0]["n"] > 100
    assert lake.ask("SELECT count(*) AS n FROM rolegate_steps WHERE target LIKE '%RoleGlue'")[0]["n"] > 100


def test_queries_parse_in_every_dialect():
    for name, sql in QUERIES.items():
        for dialect in ("trino", "redshift", "duckdb"):
            assert isinstance(sqlglot.parse_one(sql, read=dialect), exp.Select), (name, dialect)


def test_queries_over_the_audit_of_a_real_gate(tmp_path, monkeypatch):
    """Two replicas: one enforces, one is in shadow mode."""
    day = tmp_path / "audit" / f"day={datetime.now(UTC):%Y-%m-%d}"
    for mode in ("enforce", "shadow"):
        monkeypatch.setenv("ROLEGATE__POLICY__MODE", mode)
        demo = Demo(tmp_path / mode)
        try:
            for user in ("etl", "analyst"):
                with Wire(demo.gate) as wire:
                    wire.login(user, "dev", application_name="dbt")
                    for sql in [UNLOAD, *(refusal.sql for refusal in REFUSALS if refusal.user == user)]:
                        wire.send(query(sql))
                        wire.until_ready()
        finally:
            assert demo.stop() == 0
        (day / mode).mkdir(parents=True)
        shutil.copy(demo.folder / "data" / "audit.jsonl", day / mode)
    audits.write_teams(tmp_path)
    (tmp_path / "grants").mkdir()
    command = re.search(r"^```sh\n(rolegate iam unused.*?)```", (ANALYTICS / "README.md").read_text(), re.MULTILINE | re.DOTALL)[1]
    command = command.replace("rolegate iam", f"{BIN / 'rolegate'} iam").replace("rolegate.toml", str(tmp_path / "enforce" / "data" / "rolegate.toml"))
    command = command.replace("warehouse", "demo")
    made = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=True)
    (tmp_path / "grants" / "demo.jsonl").write_text(made.stdout)
    lake = Lake(tmp_path)
    refused = {(row["team"], row["code"]): row["refused"] for row in lake.ask(QUERIES["refusals_by_team"])}
    assert refused["platform", "RG201"] >= 2 and refused["insights", "RG301"] >= 1
    would_be = lake.ask(QUERIES["would_be_refusals"])
    assert {row["application"] for row in would_be} == {"dbt"}
    # The same statements on both replicas: what one refused is what the other would have.
    counted = Counter()
    for row in would_be:
        counted[row["team"], row["code"]] += row["would_be_refused"]
    assert counted == refused
    (first,) = [row for row in lake.ask(QUERIES["first_seen"]) if row["chain"] == CHAIN.replace(",", ">")]
    assert first["first_user"] == "etl" and first["ran"] >= 3
    assert {row["chain"] for row in lake.ask(QUERIES["chain_use_by_month"])} >= {CHAIN.replace(",", ">"), b("RoleB")}
    unused = {(row["source"], row["target"]) for row in lake.ask(QUERIES["unused_grants"])}
    assert ("cluster", A) not in unused and (A, b("RoleB")) not in unused
