"""What the cluster stores, read over the gate's own connection: from the stand-in, and from a PostgreSQL with the same views."""

import pytest
from questions import ask, samples
from servers import wait_for
from standin import Standin
from stored import FILES, A, B, credentials, gaps, gate_before, objects, read_again, reading, run

STORED = [
    FILES,
    f"create external schema spectrum from data catalog database 'glue' iam_role '{B}' create external database if not exists",
    f"create external function mask(varchar) returns varchar stable lambda 'mask' iam_role '{A}'",
    f"create model churn from venue target venueseats function predict_churn iam_role '{A}'",
    f"copy venue from 's3://companyb/x' iam_role '{B}' job create nightly auto on",
    f"create procedure loads() as $$ begin copy venue from 's3://companyb/x' iam_role '{A}'; end $$ language plpgsql",
    "create view sales as select * from spectrum.sales with no schema binding",
    "create view plain as select * from venue",
    f"create identity provider center type awsidc namespace 'n' iam_role '{A}'",
    "create group analysts with user analyst",
    "create role reads",
    "grant role reads to analyst",
    f"grant assumerole on '{A}' to etl for copy",
]


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    """A stand-in that stores one of each; nobody saw the statements."""
    standin = Standin(tmp_path_factory.mktemp("stored"), "cleartext")
    for sql in STORED:
        run(standin.port, sql)
    yield standin
    standin.stop()


def test_what_the_standin_stores(standin, tmp_path):
    """Every kind of object, its role where the cluster shows it, and where it is remembered from the statement."""
    server = gate_before(standin.port, tmp_path / "gate")
    found = objects(server)
    spectrum = found["external_schema", "dev.spectrum"]
    assert credentials(spectrum) == [("chain", B)] and spectrum["owner"] == "etl" and spectrum["target"] == "glue"
    mask = found["external_function", "dev.public.mask"]
    assert credentials(mask) == [("unknown", "")] and mask["target"] == "lambda:mask" and mask["shown"]
    assert credentials(found["model", "dev.public.churn"]) == [("unknown", "")], "its owner alone is shown the role"
    assert credentials(found["copy_job", "nightly"]) == [("chain", B)]
    assert credentials(found["procedure", "dev.public.loads"]) == [("chain", A)]
    assert credentials(found["identity_provider", "center"]) == [("chain", A)]
    assert credentials(found["view", "dev.public.sales"]) == [], "a view keeps none of its own"
    assert ("view", "dev.public.plain") not in found
    assert credentials(found["assumerole_grant", "etl"]) == [("chain", A)]
    how = reading(server)
    assert (how["groups"], how["last_error"], gaps(server)) == (1, None, {"show_model": gaps(server)["show_model"]} if "show_model" in gaps(server) else {})
    values = samples(server.metrics())
    assert values['rolegate_catalog_objects{gate="test",kind="external_schema"}'] == 1
    assert values['rolegate_catalog_gap{gate="test",view="svv_external_schemas"}'] == 0
    assert values['rolegate_catalog_readings_total{gate="test",result="failed"}'] == 0 < values['rolegate_catalog_readings_total{gate="test",result="ok"}']
    assert values['rolegate_catalog_refresh_seconds{gate="test"}'] == 0.1 and values['rolegate_catalog_read_timestamp_seconds{gate="test"}'] > 1.7e9

    # What passes the gate is remembered where the cluster shows it nowhere.
    run(server.port, f"create or replace external function mask(varchar) returns varchar stable lambda 'mask' iam_role '{B}'")
    run(server.port, f"create model other from venue target venueseats function predict_other iam_role '{A}' settings (s3_bucket 'b')")
    named = lambda *name: credentials(objects(server).get(name, {"credentials": []}))
    wait_for("the function", lambda: named("external_function", "dev.public.mask") == [("chain", B)])
    wait_for("the model", lambda: named("model", "dev.public.other") == [("chain", A)])
    assert not objects(server)["external_function", "dev.public.mask"]["shown"]

    # What is dropped is gone, and another of the name is not the one that was remembered.
    run(server.port, "drop function mask")
    wait_for("the drop", lambda: ("external_function", "dev.public.mask") not in objects(server))
    run(standin.port, f"create external function mask(varchar) returns varchar stable lambda 'mask' iam_role '{A}'")
    wait_for("another of the name", lambda: named("external_function", "dev.public.mask"))
    assert named("external_function", "dev.public.mask") == [("unknown", "")]
    run(standin.port, "drop model other")
    assert server.stop() == 0


def test_what_a_plain_user_cannot_read_is_unknown(standin, tmp_path):
    """A service user without rights: what belongs to others is unknown, and every view says so."""
    server = gate_before(standin.port, tmp_path / "gate", user="analyst")
    found = objects(server)
    assert ("external_schema", "dev.spectrum") in found and ("copy_job", "nightly") not in found
    lacking = gaps(server)
    for view, words in {
        "svv_identity_providers": "42501",
        "pg_get_iam_role_by_user": "42501",
        "sys_copy_job": "superusers",
        "stv_ml_model_info": "superusers",
        "svv_user_grants": "ACCESS SYSTEM TABLE",
    }.items():
        assert words in lacking[view], (view, lacking)
    assert samples(server.metrics())['rolegate_catalog_gap{gate="test",view="sys_copy_job"}'] == 1
    assert server.stop() == 0


@pytest.fixture
def postgres_views(postgres):
    """A PostgreSQL with Redshift's views of external schemas and copy jobs, and 3,000 functions."""
    options = f'{{"iam_role":"{B}","PORT":5432}}'
    views = [
        "create user gatekeeper superuser",
        "create schema spectrum; create schema strange; create table spectrum.sales (a int)",
        "set allow_system_table_mods = on; create view pg_catalog.svv_external_schemas as select oid::int as esoid, 1 as eskind, nspname as schemaname, "
        f"nspowner as esowner, 'glue' as databasename, case nspname when 'spectrum' then '{options}' else 'no json' end as esoptions "
        "from pg_catalog.pg_namespace where nspname in ('spectrum', 'strange')",
        f"set allow_system_table_mods = on; create view pg_catalog.sys_copy_job as select n::bigint as job_id, ('job_' || n)::char(128) as job_name, "
        f"case n when 1 then rpad('{B},{B}', 128) else '{A}' end::char(128) as iam_role, ''::char(256) as job_text from generate_series(1, 2500) n",
        "create view public.through as select a from spectrum.sales",
        f"create procedure public.loads() language plpgsql as $_$ begin execute 'copy t from ''s3://b/x'' iam_role ''{A}'''; end $_$",
    ]
    for sql in views:
        run(postgres.port, sql, "postgres", "postgres")
    yield postgres
    for sql in [
        "drop procedure public.loads()",
        "drop schema spectrum cascade; drop schema strange",
        "set allow_system_table_mods = on; drop view pg_catalog.svv_external_schemas; drop view pg_catalog.sys_copy_job",
        "drop user gatekeeper",
    ]:
        ask(postgres.port, sql, "postgres", "postgres")


def test_a_postgresql_with_the_same_views(postgres_views, tmp_path):
    """The same questions against PostgreSQL's own catalogue, in pages; views that it has not are a gap, never empty."""
    server = gate_before(postgres_views.port, tmp_path / "gate", "gatekeeper", "postgres", refresh="500ms", dialect="postgresql")
    found, lacking = objects(server), gaps(server)
    assert not {"svv_external_schemas", "sys_copy_job", "pg_proc_info", "pg_views"} & set(lacking), lacking
    assert "42P01" in lacking["svv_identity_providers"] and "42P01" in lacking["svv_datashares"]
    assert credentials(found["external_schema", "postgres.spectrum"]) == [("chain", B)]
    assert credentials(found["external_schema", "postgres.strange"]) == [("unknown", "")]
    assert ("view", "postgres.public.through") in found
    assert credentials(found["procedure", "postgres.public.loads"]) == [("chain", A)]
    jobs = [one for (kind, _), one in found.items() if kind == "copy_job"]
    assert len(jobs) == 2500, "more than two pages"
    assert credentials(found["copy_job", "job_1"]) == [("cut", "")] and credentials(found["copy_job", "job_2"]) == [("chain", A)]

    # The cluster cannot be asked any more: what was read stays, and the failure is told.
    read_again(server)
    run(postgres_views.port, "alter user gatekeeper nologin", "postgres", "postgres")
    wait_for("the failure", lambda: reading(server)["last_error"])
    assert "gatekeeper" in reading(server)["last_error"] and len(objects(server)) == len(found)
    assert samples(server.metrics())['rolegate_catalog_readings_total{gate="test",result="failed"}'] > 0
    assert server.stop() == 0
