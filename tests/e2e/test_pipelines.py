"""What is sent before earlier answers have come: the gate knows what the server still owes, and judges by what it has reported."""

import contextlib
import struct
import time
from pathlib import Path

import pytest
from fake import Fake
from guide import A
from wire import SYNC, Wire, bind, execute, frame, parse, query, startup, text

REFUSED = "copy t from 's3://b/x' iam_role 'bad'"
COPY = f"copy t from 's3://b/x' iam_role '{A}'"
ANNOTATED = "copy t from 's3://b/x' access_key_id 'AKIAX' secret_access_key 'sekret'"
DATA, DONE, FAIL = frame(b"d", b"1\n"), frame(b"c"), frame(b"f", text("no"))
BAD_DATA = frame(b"d", b"no number\n")

RULES = """@id("all") permit (principal, action, resource);
@id("b") forbid (principal == Rolegate::User::"b", action, resource);
"""


def extended(sql):
    return parse(sql) + bind() + execute()


def copy_in():
    return extended("copy numbers from stdin")


@pytest.fixture(scope="module")
def server(postgres):
    with Wire(postgres.port) as wire:
        wire.login()
        wire.send(
            query(
                "drop table if exists numbers; create table numbers (i int); create or replace view rules as select 1 as i;"
                "do $$ begin create user b superuser; exception when duplicate_object then null; end $$;"
                "create or replace function become(name text) returns text language sql as "
                "$$ select set_config('session_' || 'authorization', name, false) $$;"
                "create or replace function speak(name text) returns text language sql as "
                "$$ select set_config('client_' || 'encoding', name, false) $$"
            )
        )
        assert [message.kind for message in wire.until_ready() if message.kind == "E"] == []
    return postgres


@pytest.fixture
def ruled(server, start, tmp_path):
    rules = tmp_path / "rules.cedar"
    rules.write_text(RULES)
    return start(server.port, extra=f'[policy]\nrules = ["{rules}"]\n')


def oid(server, name) -> int:
    with Wire(server.port) as wire:
        wire.login()
        wire.send(query(f"select '{name}'::regproc::oid"))
        (row,) = [message for message in wire.until_ready() if message.kind == "D"]
        return int(row.body[6:])


def function_call(function: int, *values: bytes) -> bytes:
    body = struct.pack("!ihh", function, 0, len(values))
    for value in values:
        body += struct.pack("!i", len(value)) + value
    return frame(b"F", body + struct.pack("!h", 0))


def iter_until_closed(wire):
    with contextlib.suppress(EOFError):
        while True:
            yield wire.message()


def errors(messages):
    return [message.fields()["M"] for message in messages if message.kind == "E"]


def rss(gate) -> int:
    status = Path(f"/proc/{gate.process.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


# Each is answered with so many ReadyForQuery, and leaves a session in which nothing happens any more.
QUIET = {
    "a query": ([query("select 1")], 1),
    "an error": ([query("select 1/0")], 1),
    "extended": ([extended("select 1"), SYNC], 1),
    "a pipeline that fails in the middle": ([extended("select 1"), extended("select 1/0"), extended("select 2"), SYNC], 1),
    "a query in the skip state": ([parse("utter"), query("select 1"), SYNC], 1),
    "a query after the error": ([parse("utter"), frame(b"H"), query("select 1"), SYNC], 1),
    "a refused statement and a query in its skip state": ([parse(REFUSED), query("select 1"), SYNC], 1),
    "a function in the skip state": ([parse("utter"), function_call(1), SYNC], 1),
    "simple COPY": ([query("copy numbers from stdin"), DATA, DONE], 1),
    "simple COPY that fails": ([query("copy numbers from stdin"), FAIL, query("select 1")], 2),
    "simple COPY and a Sync within": ([query("copy numbers from stdin"), SYNC, DATA, DONE, query("select 1")], 2),
    "two COPYs in a query": ([query("copy numbers from stdin; copy numbers from stdin"), DATA, DONE, DATA, DONE], 1),
    "extended COPY": ([copy_in(), SYNC, DATA, DONE, SYNC], 1),
    "extended COPY and a pipeline behind it": ([copy_in(), SYNC, DATA, DONE, extended("select 1"), SYNC], 1),
    "extended COPY that fails": ([copy_in(), SYNC, BAD_DATA, DONE, SYNC], 1),
    "extended COPY given up, and a query": ([copy_in(), SYNC, FAIL, SYNC, query("select 1")], 2),
    "extended COPY that never begins": ([extended("copy missing from stdin"), SYNC, DATA, DONE, SYNC], 2),
    "extended COPY that fails before its data": ([extended("copy rules from stdin"), SYNC, DATA, DONE, SYNC], 2),
    "stray ends of COPY data": ([DONE, FAIL, SYNC], 1),
}


@pytest.mark.parametrize("together", [False, True], ids=["in turn", "at once"])
@pytest.mark.parametrize("name", QUIET)
def test_a_session_is_idle_again(server, start, name, together):
    gate = start(server.port, gate_extra='[gate.limits]\nidle_timeout = "400ms"')
    parts, ready = QUIET[name]
    with Wire(gate.port) as wire:
        wire.login()
        for chunk in [b"".join(parts)] if together else parts:
            wire.send(chunk)
            time.sleep(0 if together else 0.05)
        for _ in range(ready):
            wire.until_ready()
        last = wire.message()
        assert (last.kind, last.fields()["C"]) == ("E", "57P05"), "idle, and told so"


def test_a_statement_sent_with_the_startup_runs_to_its_end(server, start):
    """The start-up's ReadyForQuery is not its answer: neither idle_timeout nor the drain ends the session before."""
    gate = start(server.port, gate_extra='[gate.limits]\nidle_timeout = "300ms"')
    with Wire(gate.port) as wire:
        wire.send(startup("postgres", "postgres"), query("select pg_sleep(2)"))
        wire.until_ready()
        assert [message.kind for message in wire.until_ready()] == ["T", "D", "C", "Z"]


@pytest.mark.parametrize("change", ["set session authorization b", "select become('b')"], ids=["told", "hidden"])
@pytest.mark.parametrize("way", ["with the start-up", "in one write"])
def test_a_user_asked_for_in_the_same_write_counts(ruled, change, way):
    with Wire(ruled.port) as wire:
        if way == "with the start-up":
            wire.send(startup("postgres", "postgres"), query(change), query(COPY))
            wire.until_ready()
        else:
            wire.login()
            wire.send(query(change), query(COPY))
        wire.until_ready()
        (told,) = errors(wire.until_ready())
        assert told.startswith("RG301"), told


@pytest.mark.parametrize("run", [query("select become('b')"), extended("select become('b')") + SYNC], ids=["simple", "extended"])
def test_a_prepared_statement_is_judged_for_a_user_who_is_still_to_be_reported(ruled, run):
    with Wire(ruled.port) as wire:
        wire.login()
        # PostgreSQL refuses the COPY itself; a CALL of a role is what it takes.
        wire.send(parse("select set_config('session_authorization', 'postgres', false)", "s"), SYNC)
        wire.until_ready()
        wire.send(run, bind("s"), execute(), SYNC)
        wire.until_ready()
        assert [message.kind for message in wire.until_ready()][-1] == "Z", "it waits for the answer before it, and runs"


def test_a_rollback_brings_the_former_user_back(server, start, tmp_path):
    rules = tmp_path / "rules.cedar"
    rules.write_text(RULES.replace('User::"b"', 'User::"postgres"'))
    gate = start(server.port, extra=f'[policy]\nrules = ["{rules}"]\n')
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query("begin"), query("set local session authorization b"))
        wire.until_ready(), wire.until_ready()
        wire.send(query(f"rollback; {COPY}"))
        (told,) = errors(wire.until_ready())
        assert told.startswith("RG301"), told


def hidden(encoding: bytes = b"SJIS") -> bytes:
    """A COPY behind a quote that the encoding hides: for the server the literal ends before it."""
    return b"select '\x83\\'; copy t from ''s3://b/x'' iam_role ''" + A.encode() + b"'' --'"


@pytest.mark.parametrize("way", ["function", "query", "extended", "segment"])
def test_an_encoding_asked_for_in_the_same_write_counts(server, gate, way):
    change = {
        "function": function_call(oid(server, "speak"), b"SJIS"),
        "query": query("select speak('SJIS')"),
        "extended": extended("select speak('SJIS')") + SYNC,
        "segment": extended("select speak('SJIS')"),
    }[way]
    with Wire(gate.port) as wire:
        wire.login()
        if way == "segment":
            wire.send(change, parse(hidden()), SYNC)
        else:
            wire.send(change, query(hidden()))
            wire.until_ready()
        (told,) = errors(wire.until_ready())
        assert told.startswith("RG109"), told


def test_begin_ahead_in_a_segment_refuses_no_text_beyond_ascii(gate):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(extended("begin"), parse("select 'é' as \"iam_role\""), bind(), execute(), SYNC)
        assert errors(wire.until_ready()) == []


@pytest.mark.parametrize("dialect", ["postgresql", "redshift"])
def test_a_function_call_is_relayed_or_refused_by_the_dialect(server, start, dialect):
    gate = start(server.port, dialect=dialect)
    call = function_call(oid(server, "pg_catalog.pg_backend_pid"))
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(call)
        answer, ready = wire.until_ready()
        if dialect == "postgresql":
            assert (answer.kind, ready.body) == ("V", b"I")
        else:
            assert answer.fields()["C"] == "42501" and "function call" in answer.fields()["M"] and ready.body == b"I"
            wire.send(query("begin"), call, query("select 1"), query("rollback"))
            statuses = [wire.until_ready()[-1].body for _ in range(4)]
            assert statuses == [b"T", b"E", b"E", b"I"], "as a refusal of the server's own"
        wire.send(query("select 1"))
        assert errors(wire.until_ready()) == []


def test_a_role_handed_to_a_function_is_refused(server, gate):
    call = function_call(oid(server, "become"), b"arn:aws:iam::123456789012:role/RoleA")
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(call)
        (told,) = errors(wire.until_ready())
        assert told.startswith("RG107"), told


@pytest.mark.parametrize("count", [300, 3000])
def test_the_reason_of_the_refusal_that_is_answered_survives(gate, count):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(extended(REFUSED) * count, SYNC)
        (told,) = errors(wire.until_ready())
        assert told.startswith("RG101"), told
        wire.send(query(REFUSED) * count)
        for _ in range(count):
            (told,) = errors(wire.until_ready())
            assert told.startswith("RG101"), told


def test_statements_that_the_server_skips_have_no_warning_and_leave_no_memory(server, start):
    gate = start(server.port)
    with Wire(gate.port, timeout=120) as wire:
        wire.login()
        # The first round fills what the audit writes from.
        wire.send(parse("utter"), parse(ANNOTATED) * 20_000, SYNC)
        assert [message.kind for message in wire.until_ready()] == ["E", "Z"]
        before = rss(gate)
        wire.send(parse("utter"), parse(ANNOTATED) * 20_000, SYNC)
        assert [message.kind for message in wire.until_ready()] == ["E", "Z"]
        # A warning for each would be more than 4 MiB.
        assert rss(gate) - before < 3 << 20


def test_statements_behind_copy_data_that_failed_end_the_session(gate, server):
    """Which of them the server runs cannot be told from its answers: PostgreSQL, too, ends sessions that have lost their way in COPY."""
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(copy_in(), SYNC, BAD_DATA, DONE, extended("set session authorization b"), SYNC)
        told = [message.fields() for message in iter_until_closed(wire) if message.kind == "E"]
        assert (told[-1]["S"], told[-1]["C"]) == ("FATAL", "08P01")


@pytest.mark.alone
@pytest.mark.parametrize("count", [1200, 20_000])
def test_a_pipeline_of_users_is_answered_soon(server, start, count):
    gate = start(server.port)
    with Wire(gate.port, timeout=60) as wire:
        wire.login()
        began = time.monotonic()
        wire.send(parse(ANNOTATED, "warm"), SYNC)
        wire.until_ready()
        wire.send(b"".join(extended(f"set session authorization u{number}") for number in range(count)), SYNC)
        wire.until_ready()
        assert time.monotonic() - began < 1 + count / 1000
    cached = [line for line in gate.metrics().splitlines() if line.startswith("rolegate_policy_cache_entries")]
    assert all(float(line.split()[-1]) < 100 for line in cached), cached


def test_texts_of_prepared_statements_are_kept_up_to_a_bound(server, start):
    gate = start(server.port)
    filler = "x" * (15 << 20)
    with Wire(gate.port, timeout=120) as wire:
        wire.login()
        wire.send(parse("select set_config('session_authorization', 'postgres', false)", "small"), SYNC)
        wire.until_ready()
        before = rss(gate)
        for number in range(8):
            wire.send(parse(f"select set_config('session_authorization', 'postgres', false) /* {filler} */", f"p{number}"), SYNC)
            assert [message.kind for message in wire.until_ready()] == ["1", "Z"]
        assert rss(gate) - before < 60 << 20
        wire.send(bind("small"), execute(), SYNC)
        assert errors(wire.until_ready()) == []
        wire.send(bind("p1"), execute(), SYNC)
        (error,) = [message.fields() for message in wire.until_ready() if message.kind == "E"]
        assert error["C"] == "26000" and "prepare it again" in error["H"]


ASK_PASSWORD = frame(b"R", struct.pack("!i", 3))


def test_a_statement_where_a_password_is_due_is_cut_in_the_servers_words(start):
    with Fake([ASK_PASSWORD]) as fake:
        gate = start(fake.port)
        with Wire(gate.port) as wire:
            wire.send(startup("a", "d"))
            assert wire.message().kind == "R"
            wire.send(query("select 1"))
            fields = wire.message().fields()
        assert (fields["S"], fields["C"]) == ("FATAL", "08P01")
        assert fields["M"] == "expected password response, got message type 81"
        assert b"select 1" not in fake.received


def test_clients_that_are_not_let_in_cost_no_memory(start):
    """Twenty of them announce a Query of 15 MiB and send as much of it as is taken."""
    with Fake([]) as fake:
        gate = start(fake.port)
        before = rss(gate)
        wires = [Wire(gate.port) for _ in range(20)]
        for wire in wires:
            wire.send(startup("a", "d"), b"Q" + struct.pack("!i", 15 << 20))
            wire.sock.setblocking(False)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for wire in wires:
                try:
                    wire.sock.send(b"x" * 65536)
                except BlockingIOError:
                    time.sleep(0.001)
        assert rss(gate) - before < 4 << 20
        for wire in wires:
            wire.sock.close()
