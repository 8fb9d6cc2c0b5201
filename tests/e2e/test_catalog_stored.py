"""What the cluster stores, read over the gate's own connection: from the stand-in, and from a PostgreSQL with the same views."""

import json

from questions import ask
from servers import Gate, http, wait_for
from standin import Standin

A = "arn:aws:iam::123456789012:role/RoleA"
B = f"{A},arn:aws:iam::210987654321:role/RoleB"


def catalog(server):
    [found] = json.loads(http(server.admin, "/api/v1/catalog")[1])
    return found


def objects(server):
    return {(one["kind"], one["schema"], one["name"]): one for one in catalog(server)["objects"]}


def credentials(one):
    return [(role["clause"], role["method"], ",".join(role["roles"])) for role in one["credentials"]]


def gate_before(standin, folder, user="rolegate"):
    secret = folder / "password"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("demo\n")
    section = f'catalog = {{ user = "{user}", password_file = "{secret}", database = "dev", refresh = "200ms" }}'
    return Gate(folder, standin.port, dialect="redshift", gate_extra=section)


def run(port, sql, user="etl", database="dev"):
    failed = [message.fields()["M"] for message in ask(port, sql, user, database) if message.kind == "E"]
    assert not failed, (sql, failed)


def test_what_the_standin_stores(tmp_path):
    """Every kind of object, its role where the cluster shows it, and where it is remembered from the statement."""
    standin = Standin(tmp_path / "standin", "cleartext")
    beside = [
        f"create external schema spectrum from data catalog database 'glue' iam_role '{B}' create external database if not exists",
        f"create external function mask(varchar) returns varchar stable lambda 'mask' iam_role '{A}'",
        f"create model churn from venue target venueseats function predict_churn iam_role '{A}'",
        f"copy venue from 's3://companyb/x' iam_role '{B}' job create nightly auto on",
        f"create procedure loads() as $$ begin copy venue from 's3://companyb/x' iam_role '{A}'; end $$ language plpgsql",
        "create view sales as select * from spectrum.sales with no schema binding",
        "create view plain as select * from venue",
        "create group analysts with user analyst",
        "create role reads",
        "grant role reads to analyst",
        f"grant assumerole on '{A}' to etl for copy",
    ]
    for sql in beside:
        run(standin.port, sql)
    server = gate_before(standin, tmp_path / "gate")
    wait_for("the catalogue", lambda: catalog(server)["read_at"])
    found = objects(server)
    assert credentials(found["external_schema", None, "spectrum"]) == [("iam_role", "chain", B)]
    assert found["external_schema", None, "spectrum"]["owner"] == "etl"
    assert credentials(found["external_function", "public", "mask"])[0][1] == "unknown"
    assert credentials(found["model", "public", "churn"])[0][1] == "unknown", "its owner alone is shown the role"
    assert credentials(found["copy_job", None, "nightly"]) == [("iam_role", "chain", B)]
    assert credentials(found["procedure", "public", "loads"]) == [("iam_role", "chain", A)]
    assert ("view", "public", "sales") in found and ("view", "public", "plain") not in found
    assert credentials(found["assumerole_grant", None, "etl"]) == [("assumerole", "chain", A)]
    people = catalog(server)["people"]
    assert people["groups"] == {"analysts": ["analyst"]} and people["roles"] == {"reads": ["analyst"]}
    assert [one for one in catalog(server)["views"] if one["state"] in ("absent", "unreadable")] == []

    # What passes the gate is remembered where the cluster shows it nowhere.
    for sql in (
        f"create or replace external function mask(varchar) returns varchar stable lambda 'mask' iam_role '{B}'",
        f"create model other from venue target venueseats function predict_other iam_role '{A}'",
    ):
        run(server.port, sql)
    remembered = lambda name: credentials(objects(server).get(name, {"credentials": []}))
    wait_for("the function", lambda: remembered(("external_function", "public", "mask")) == [("iam_role", "chain", B)])
    wait_for("the model", lambda: remembered(("model", "public", "other")) == [("iam_role", "chain", A)])
    assert objects(server)["external_function", "public", "mask"]["learned_from"] == "create_external_function"

    # A statement that fails stores nothing, and what is dropped is gone.
    ask(server.port, f"create external function bad(int) returns int stable lambda 'l' iam_role '{A}x'", "etl")
    run(server.port, "drop function mask; drop schema spectrum")
    wait_for("the drop", lambda: ("external_function", "public", "mask") not in objects(server))
    assert ("external_schema", None, "spectrum") not in objects(server)
    run(standin.port, f"create external function mask(varchar) returns varchar stable lambda 'mask' iam_role '{A}'")
    wait_for("another of the name", lambda: ("external_function", "public", "mask") in objects(server))
    assert remembered(("external_function", "public", "mask"))[0][1] == "unknown", "it is not the one that was remembered"
    assert server.stop() == 0
    standin.stop()


def test_what_a_plain_user_cannot_read_is_unknown(tmp_path):
    """A service user without rights: what belongs to others is unknown, and every view says so."""
    standin = Standin(tmp_path / "standin", "cleartext")
    run(standin.port, f"create external schema spectrum from data catalog database 'glue' iam_role '{A}'")
    server = gate_before(standin, tmp_path / "gate", user="analyst")
    wait_for("the catalogue", lambda: catalog(server)["read_at"])
    spectrum = objects(server)["external_schema", None, "spectrum"]
    assert spectrum["learned_from"] == "pg_namespace"
    states = {one["view"]: (one["state"], one["reason"]) for one in catalog(server)["views"]}
    assert states["svv_external_schemas"][0] == "partial" and "other owners" in states["svv_external_schemas"][1]
    assert states["svv_identity_providers"][0] == "unreadable" and "42501" in states["svv_identity_providers"][1]
    assert states["sys_copy_job"][0] == "partial"
    assert server.stop() == 0
    standin.stop()


def test_a_postgresql_with_the_same_views(postgres, tmp_path):
    """The same questions against PostgreSQL's own catalogue; views that it has not are absent, never empty."""
    mods = "set allow_system_table_mods = on; "
    options = f'{{"iam_role":"{B}","PORT":5432}}'
    try:
        for sql in [
            "create user gatekeeper superuser",
            "create schema spectrum",
            "create schema strange",
            f"{mods}create view pg_catalog.svv_external_schemas as select oid::int as esoid, 1 as eskind, nspname as schemaname, "
            f"nspowner as esowner, 'glue' as databasename, case nspname when 'spectrum' then '{options}' else 'no json' end as esoptions "
            "from pg_catalog.pg_namespace where nspname in ('spectrum', 'strange')",
            "create table spectrum.sales (a int)",
            "create view public.through as select a from spectrum.sales",
            f"create procedure public.loads() language plpgsql as $_$ begin execute 'copy t from ''s3://b/x'' iam_role ''{A}'''; end $_$",
        ]:
            run(postgres.port, sql, "postgres", "postgres")
        server = Gate(
            tmp_path / "gate",
            postgres.port,
            gate_extra='catalog = { user = "gatekeeper", database = "postgres", refresh = "200ms" }',
        )
        wait_for("the catalogue", lambda: catalog(server)["read_at"])
        states = {one["view"]: one["state"] for one in catalog(server)["views"]}
        assert states["svv_external_schemas"] == "read" and states["sys_copy_job"] == "absent", states
        found = objects(server)
        assert credentials(found["external_schema", None, "spectrum"]) == [("iam_role", "chain", B)]
        assert credentials(found["external_schema", None, "strange"])[0][1] == "unknown"
        assert ("view", "public", "through") in found
        assert credentials(found["procedure", "public", "loads"]) == [("iam_role", "chain", A)]
        assert server.stop() == 0
    finally:
        for sql in [
            "drop procedure public.loads()",
            "drop schema spectrum cascade",
            "drop schema strange",
            f"{mods}drop view pg_catalog.svv_external_schemas",
            "drop user gatekeeper",
        ]:
            ask(postgres.port, sql, "postgres", "postgres")
