"""Uses of what the cluster stores, through a gate before the stand-in: counted under what stores them, recorded as asked for, and judged."""

import re

import pytest
from questions import ask
from servers import Gate, http, wait_for
from standin import Standin
from wire import SYNC, Wire, bind, execute, parse, query

A = "arn:aws:iam::123456789012:role/RoleA"
CHAIN = f"{A},arn:aws:iam::210987654321:role/RoleB"
NAMED_A, NAMED_CHAIN = "123456789012/RoleA", "123456789012/RoleA>210987654321/RoleB"
STORED = [
    f"create external schema lake from data catalog database 'lake' iam_role '{A}'",
    f"create external schema far from data catalog database 'far' iam_role '{CHAIN}'",
    "create view lake_view as select saleid from lake.sales with no schema binding",
    f"create external function hashed(int) returns int stable lambda 'hashed' iam_role '{A}'",
    f"create model churn from t target a function churned iam_role '{A}' settings (s3_bucket 'b')",
    f"create procedure loads() as $$ begin copy t from 's3://b/x' iam_role '{A}'; end; $$ language plpgsql",
    f"unload ('select 1') to 's3://b/x' iam_role '{A}'",
    f"copy t from 's3://b/x' iam_role '{A}' job create nightly auto on",
]
RULES = """@id("all") permit (principal, action, resource);
@id("not-through-b") @reason("nobody reads through RoleB")
forbid (principal, action in Rolegate::Action::"uses", resource) when { resource.names.contains("RoleB") };
"""
USES = re.compile(r'rolegate_chain_uses_total\{(.*)\} (\d+)')


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    server = Standin(tmp_path_factory.mktemp("standin"), "cleartext")
    beside(server, "create table t (a int)", *STORED)
    yield server
    server.stop()


def beside(standin, *statements):
    """Runs statements as the superuser, past the gate."""
    for sql in statements:
        errors = [message.fields() for message in ask(standin.port, sql, "rolegate") if message.kind == "E"]
        assert not errors, (sql, errors)


class Watching:
    """A gate that knows what the stand-in stores."""

    def __init__(self, start, standin, folder, policy="", audit="", refresh="200ms"):
        rules, secret = folder / "rules.cedar", folder / "secret"
        rules.write_text(RULES)
        secret.write_text("demo\n")
        catalog = f'catalog = {{ user = "rolegate", password_file = "{secret}", database = "dev", refresh = "{refresh}" }}'
        extra = f'[policy]\nrules = ["{rules}"]\n{policy}'
        self.gate = start(standin.port, dialect="redshift", gate_extra=catalog, extra=extra, audit_extra=audit)
        self.port = self.gate.port
        self.knows("nightly")

    def knows(self, name, is_known=True):
        """Waits until the catalogue that was read names something, or does not any more."""
        def names():
            return re.findall(r'"name":"(?:[^"]*\.)?([^".]+)"', http(self.gate.admin, "/api/v1/catalog")[1])

        wait_for(name, lambda: (name in names()) == is_known)

    def uses(self):
        """How often each chain was used, by what the statement names and what the rules say."""
        counted = {}
        for labels, count in USES.findall(self.gate.metrics()):
            of = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if int(count) and of["via"] != "statement":
                counted[of["via"], of["chain"], of["would_be"]] = int(count)
        return counted

    def grown(self, work):
        before = self.uses()
        work()
        return {use: count - before.get(use, 0) for use, count in self.uses().items() if count > before.get(use, 0)}

    def asks(self, sql):
        return self.grown(lambda: ask(self.port, sql, "analyst"))

    def recorded(self):
        """What the records of stored uses name."""
        found = (one for record in self.gate.verdicts() for one in record.get("stored_uses", []))
        return [(one["via"], one["object"]) for one in found]


def test_what_names_a_stored_chain_is_counted_under_what_stores_it(standin, start, tmp_path):
    watching = Watching(start, standin, tmp_path, audit='stored_uses = "all"')
    one = {("schema", NAMED_A, "forward"): 1}
    rows = [
        ("select * from lake.sales", one),
        ('select * from dev."LAKE".sales', one),
        ("select * from far.sales", {("schema", NAMED_CHAIN, "reject"): 1}),
        ("select * from lake_view", {("view", NAMED_A, "forward"): 1}),
        ("select public.hashed(1), upper('lake.sales')", {("function", "unknown", "reject"): 1}),
        ("call loads()", {("procedure", NAMED_A, "forward"): 1}),
        ("copy job run nightly", {("job", NAMED_A, "forward"): 1}),
        ("select lake.a from t lake -- from lake.sales", {}),
        ("select 1", {}),
        # Nothing is known of another database, and whether the cluster goes there is not known yet.
        ("use other; select * from lake.sales", {("schema", "unknown", "reject"): 1, ("schema", NAMED_A, "reject"): 1}),
    ]
    assert [(sql, watching.asks(sql)) for sql, _ in rows] == rows
    # The function of a model stands among the functions, too.
    assert ("model", NAMED_A) in {use[:2] for use in watching.asks("select churned(1)")}
    # The path says where functions without a schema are found.
    assert watching.asks("set search_path to elsewhere; select hashed(1)")[("function", "unknown", "reject")] == 1
    named = [("schema", "dev.lake"), ("schema", "dev.far"), ("view", "dev.lake"), ("function", "dev.public.hashed")]
    wait_for("the records", lambda: set(named) <= set(watching.recorded()))
    records = [one for one in watching.gate.verdicts() if one.get("stored_uses")]
    far = next(one for one in records if one["stored_uses"][0]["object"] == "dev.far")
    assert (far["action"], far["would_be"], far["findings"][0]["code"]) == ("forward", "reject", "RG301")
    assert far["findings"][0]["lenience"] == "observed" and far["stored_uses"][0]["roles"] == CHAIN.split(",")


def test_how_names_resolve_is_followed(standin, start, tmp_path):
    watching = Watching(start, standin, tmp_path, audit='stored_uses = "off"')
    with Wire(watching.port) as wire:
        wire.login("analyst", "dev")

        def uses(sql):
            def run():
                wire.send(query(sql))
                wire.until_ready()

            return sum(watching.grown(run).values())

        cased = 'select * from "LAKE".sales'
        assert uses(cased) == 1, "it may be lake"
        assert uses("set enable_case_sensitive_identifier to true") == 0
        assert (uses(cased), uses('select * from "lake".sales'), uses("select * from LAKE.sales")) == (0, 1, 1)
        assert uses("reset enable_case_sensitive_identifier") == 0
        assert uses(cased) == 1
        assert uses("create temp table lake_view (a int)") == 0
    assert watching.recorded() == []


def test_a_session_is_recorded_once_for_each_use(standin, start, tmp_path):
    watching = Watching(start, standin, tmp_path)
    with Wire(watching.port) as wire:
        wire.login("analyst", "dev")
        for sql in ["select * from lake.sales"] * 3 + ["select * from far.sales"] * 2:
            wire.send(query(sql))
            wire.until_ready()
    ask(watching.port, "select * from lake.sales", "analyst")
    wait_for("the records", lambda: len(watching.recorded()) >= 3)
    assert watching.recorded() == [("schema", "dev.lake"), ("schema", "dev.far"), ("schema", "dev.lake")]


def test_rules_are_carried_out_where_they_are_enforced(standin, start, tmp_path):
    watching = Watching(start, standin, tmp_path, policy='stored = "enforce"')

    def code(sql):
        errors = [message.fields() for message in ask(watching.port, sql, "analyst") if message.kind == "E"]
        return [error["M"][:5] for error in errors if error["C"] == "42501"]

    assert (code("select * from lake.sales"), code("select * from lake_view")) == ([], [])
    assert code("select * from far.sales") == ["RG301"]
    assert code("select hashed(1)") == ["RG303"], "a role that nothing shows may be RoleB"
    assert code("select far.a from t far") == []
    # The cluster was never asked for what was refused, and the connection goes on.
    with Wire(watching.port) as wire:
        wire.login("analyst", "dev")
        for sql, kinds in [("select * from far.sales", "EZ"), ("select 1", "TDCZ")]:
            wire.send(query(sql))
            assert "".join(message.kind for message in wire.until_ready()) == kinds, sql


def test_what_is_prepared_is_judged_by_what_is_stored_when_it_runs(standin, start, tmp_path):
    """Prepared once, it counts each time that it is bound, under the chain that the schema has by then."""
    beside(standin, f"create external schema moves from data catalog database 'd' iam_role '{A}'")
    watching = Watching(start, standin, tmp_path, policy='stored = "enforce"')
    watching.knows("moves")
    with Wire(watching.port) as wire:
        wire.login("analyst", "dev")

        def runs(*messages):
            kinds = []

            def send():
                wire.send(*messages, SYNC)
                kinds.extend(message.kind for message in wire.until_ready())

            return watching.grown(send), "".join(kinds)

        assert runs(parse("select saleid from moves.sales", "s")) == ({}, "1Z")
        count = {("schema", NAMED_A, "forward"): 1}
        for _ in range(2):
            counted, kinds = runs(bind("s"), execute())
            assert (counted, kinds[0], kinds[-2:]) == (count, "2", "CZ")
        beside(standin, f"alter external schema moves iam_role '{CHAIN}'")
        wait_for("the other chain", lambda: http(watching.gate.admin, "/api/v1/catalog")[1].count(CHAIN.split(",")[1]) > 1)
        counted, kinds = runs(bind("s"), execute())
        assert (counted, kinds) == ({("schema", NAMED_CHAIN, "reject"): 1}, "EZ")
    beside(standin, "drop schema moves")


def test_what_passes_is_known_at_once_and_forgotten_when_it_is_gone(standin, start, tmp_path):
    """The catalogue is read once an hour: what passes the gate is known before that, and has it read again."""
    watching = Watching(start, standin, tmp_path, refresh="1h")
    one = {("schema", NAMED_CHAIN, "reject"): 1}
    create = f"create external schema fresh from data catalog database 'd' iam_role '{CHAIN}'"
    with Wire(watching.port) as wire:
        wire.login("rolegate", "dev")

        def asks(sql):
            def run():
                wire.send(query(sql))
                wire.until_ready()

            return watching.grown(run)

        # The next statement is sent before the first is answered.
        assert asks(f"{create}; select * from fresh.sales") == one
        assert asks("select * from fresh.sales") == one
        assert asks("create view fresh_view as select saleid from fresh.sales with no schema binding") == one
        assert asks("select * from fresh_view") == {("view", NAMED_CHAIN, "reject"): 1}
        watching.knows("fresh_view")
        assert asks("alter schema fresh rename to renamed") == {}
        assert asks("select * from renamed.sales") == one
        watching.knows("renamed")
        watching.knows("fresh", is_known=False)
        assert asks("select * from fresh.sales") == {}
        assert asks("drop view fresh_view; drop schema renamed") == {}
        watching.knows("renamed", is_known=False)
        assert asks("select * from renamed.sales") == {}
        # What is rolled back is forgotten, too.
        assert asks(f"begin; {create}") == {}
        assert asks("select * from fresh.sales") == one
        assert asks("rollback") == {}
        wait_for("the reading", lambda: asks("select * from fresh.sales") == {})
