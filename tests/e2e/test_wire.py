"""What a refusal does to the protocol: exactly what PostgreSQL's own refusal of a statement does.

Every case runs twice: through the gate with a statement that the gate refuses, and directly with one that PostgreSQL's
parser refuses at the same place. The two traces must be the same but for the fields of that one error.
"""

import socket
import struct
import time

import pytest
from wire import FLUSH, SSL_REQUEST, SYNC, Wire, bind, describe, execute, frame, parse, query, startup, text

REFUSED = "copy t from 's3://b/x' iam_role 'bad'"
NATIVE = "utter t from 's3://b/x' iam_role 'bad'"

SETUP = "create table if not exists trace_case (i int)"


def extended(sql, name=""):
    return [parse(sql, name), bind(name), execute()]


def cases(bad):
    """Rounds of messages; each round ends where a ReadyForQuery is due."""
    begin, commit, select = query("begin"), query("commit"), query("select 1")
    insert = "insert into trace_case values (1)"
    return {
        "alone": [[query(bad)], [select]],
        "in a transaction block": [[begin], [select], [query(bad)], [select], [query("rollback")], [select]],
        "commit after it": [[begin], [query(insert)], [query(bad)], [commit], [query("select count(*) from trace_case")]],
        "in a failed transaction": [[begin], [query("select 1/0")], [query(bad)], [query("rollback")]],
        "first of several statements": [[query(f"{bad}; select 1")], [select]],
        "last of several statements": [[query(f"{insert}; {bad}")], [query("select count(*) from trace_case")]],
        "extended, alone": [[*extended(bad), SYNC], [*extended("select 1"), SYNC]],
        "pipeline, first": [[*extended(bad), *extended("select 2"), SYNC], [select]],
        "pipeline, middle": [[*extended("select 1"), *extended(bad), *extended("select 2"), SYNC], [select]],
        "pipeline, last": [[*extended("select 1"), *extended("select 2"), *extended(bad), SYNC], [select]],
        "pipeline, implicit transaction": [[*extended(insert), *extended(bad), SYNC], [query("select count(*) from trace_case")]],
        "two in one pipeline": [[*extended(bad), *extended(bad), SYNC], [select]],
        "two pipelines at once": [[*extended(bad), SYNC], [*extended(bad), SYNC], [*extended("select 3"), SYNC]],
        "after an earlier error": [[*extended("select 1/0"), *extended(bad), SYNC], [select]],
        "named": [[parse(bad, "p"), describe("p"), SYNC], [bind("p"), execute(), SYNC], [select]],
        "replaced name": [[parse("select 4", "p"), SYNC], [parse(bad, "p"), SYNC], [bind("p"), execute(), SYNC]],
        "inside a transaction, extended": [[begin], [*extended("select 5"), SYNC], [*extended(bad), SYNC], [*extended("select 6"), SYNC], [query("rollback")]],
        "close, then parse": [[parse("select 4", "q"), SYNC], [frame(b"C", b"Sq\0"), parse(bad, "q"), SYNC], [bind("q"), execute(), SYNC]],
        "unnamed, replaced": [[parse("select 4"), SYNC], [parse(bad), SYNC], [bind(), execute(), SYNC]],
        "rollback and a statement": [[begin], [query(bad)], [query("rollback; create temp table after_it (i int); insert into after_it values (1)")], [query("select count(*) from after_it")]],
        "other messages are skipped": [[parse(bad), query(insert), frame(b"d", b"x"), SYNC], [select]],
        "prepare in SQL": [[query(f"prepare x as {bad}")], [query("execute x")]],
        "copy, refused inside a batch": [[query("create temp table c (i int)")], [parse("copy c from stdin"), bind(), execute(), SYNC, frame(b"c"), *extended(bad), SYNC], [select]],
        "simple queries pipelined": [[select], [query(bad)], [query("select 7")]],
    }


def trace(port, rounds, together):
    """What the server answers, each message as (type, what matters of it)."""
    seen = []
    with Wire(port) as wire:
        wire.login()
        if together:
            wire.send(*[part for one in rounds for part in one])
        for one in rounds:
            if not together:
                wire.send(*one)
            for message in wire.until_ready():
                if message.kind == "E":
                    fields = message.fields()
                    own = fields["C"] in ("42501", "42601")
                    seen.append(("E", "refused" if own else fields["C"], fields["S"]))
                else:
                    seen.append((message.kind, message.body))
    return seen


@pytest.fixture(scope="module")
def clean(postgres):
    with Wire(postgres.port) as wire:
        wire.login()
        wire.send(query(SETUP))
        wire.until_ready()
    return postgres


@pytest.mark.parametrize("together", [False, True], ids=["in turn", "at once"])
@pytest.mark.parametrize("name", cases(REFUSED))
def test_refusals_look_native(clean, gate, name, together):
    through = trace(gate.port, cases(REFUSED)[name], together)
    direct = trace(clean.port, cases(NATIVE)[name], together)
    assert through == direct
    skipped = name == "after an earlier error"
    assert any(message[1:2] == ("refused",) for message in through) != skipped, "the case refuses something"


def test_fields_of_a_refusal(gate):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query("select 'é', 1; " + REFUSED))
        error, ready = wire.until_ready()
        fields = error.fields()
        assert (fields["S"], fields["V"], fields["C"]) == ("ERROR", "ERROR", "42501")
        assert fields["M"].startswith("RG101: ")
        assert "rolegate_refused" not in str(fields)
        assert int(fields["P"]) == "select 'é', 1; ".__len__() + REFUSED.index("'bad'") + 1
        assert fields["D"] and fields["H"]
        assert ready.body == b"I"


def test_flush_without_sync(gate):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(parse("select 1", "a"), FLUSH)
        assert wire.message().kind == "1"
        wire.send(parse(REFUSED), FLUSH)
        assert wire.message().fields()["C"] == "42501"
        wire.send(*extended("select 2"), SYNC)
        assert [message.kind for message in wire.until_ready()] == ["Z"], "everything up to Sync is skipped"


def test_annotated_statements_warn(gate):
    """The warning stands between two messages of the server."""
    sql = "copy trace_missing from 's3://b/x' access_key_id 'AKIAX' secret_access_key 'sekret'"
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query(sql))
        notice, _error, _ready = wire.until_ready()
        assert notice.kind == "N"
        fields = notice.fields()
        assert (fields["S"], fields["C"]) == ("WARNING", "01000")
        assert fields["M"].startswith("RG104")
        assert "sekret" not in str(fields)


def test_a_bound_role_is_refused(gate):
    role = b"arn:aws:iam::123456789012:role/RoleA"
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query("create or replace procedure take(text) language sql as $$ select 1 $$"))
        wire.until_ready()
        wire.send(parse("call take($1)", "c"), SYNC)
        assert [message.kind for message in wire.until_ready()] == ["1", "Z"]
        wire.send(bind("c", values=[b"harmless"]), execute(), SYNC)
        assert [message.kind for message in wire.until_ready()] == ["2", "C", "Z"]
        wire.send(bind("c", values=[role]), execute(), SYNC)
        error, ready = wire.until_ready()
        assert error.fields()["C"] == "42501" and error.fields()["M"].startswith("RG107")
        assert ready.body == b"I"


def test_copy_sub_protocol(gate):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query("create temp table lines (line text); copy lines from stdin"))
        while wire.message().kind != "G":
            pass
        wire.send(frame(b"d", b"one\n"), frame(b"d", REFUSED.encode() + b"\n"), frame(b"c"))
        wire.until_ready()
        wire.send(query("copy lines to stdout"))
        rows = [message.body for message in wire.until_ready() if message.kind == "d"]
        assert rows == [b"one\n", REFUSED.encode() + b"\n"], "data is no statement"


def test_cancel(gate):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query("select pg_sleep(30)"))
        time.sleep(0.3)
        began = time.monotonic()
        with Wire(gate.port) as other:
            other.send(struct.pack("!ii", 16, 80877102) + wire.key)
            assert other.sock.recv(1) == b"", "the gate closes after the backend has taken the request"
        errors = [message.fields()["C"] for message in wire.until_ready() if message.kind == "E"]
        assert errors == ["57014"]
        assert time.monotonic() - began < 5


def test_gssenc_is_refused_and_ssl_not_offered(gate):
    with Wire(gate.port) as wire:
        wire.send(struct.pack("!ii", 8, 80877104))
        assert wire.exactly(1) == b"N"
        wire.send(SSL_REQUEST)
        assert wire.exactly(1) == b"N"
        wire.login()
        wire.send(query("select 1"))
        assert wire.until_ready()[-1].body == b"I"


def test_plaintext_behind_an_ssl_request_is_refused(demo):
    """CVE-2021-23214: bytes that were sent before the handshake must not be taken for bytes of the encrypted session."""
    with Wire(demo.gate) as wire:
        wire.send(SSL_REQUEST + startup("etl", "dev"))
        assert wire.exactly(1) == b"S"
        data = b""
        while more := wire.sock.recv(4096):
            data += more
        assert data[:1] in (b"", b"\x15"), "the bytes are taken for a broken handshake: nothing or a TLS alert"


@pytest.mark.parametrize("options", [{"client_encoding": "SJIS"}, {"options": "-c client_encoding=gbk"}, {"replication": "database"}])
def test_sessions_that_the_gate_could_not_read_are_refused(gate, options):
    with Wire(gate.port) as wire:
        refusal = wire.login(**options)[-1]
        assert (refusal.kind, refusal.fields()["S"], refusal.fields()["C"]) == ("E", "FATAL", "0A000")


def test_an_encoding_that_the_server_reports_counts(gate, postgres):
    """The user's default encoding is unsafe, and no statement names it: texts beyond ASCII are refused, others pass."""
    with Wire(postgres.port) as wire:
        wire.login()
        wire.send(query("create user eastern superuser; alter user eastern set client_encoding = 'SJIS'"))
        wire.until_ready()
    with Wire(gate.port) as wire:
        wire.login("eastern", "postgres")
        assert wire.parameters["client_encoding"] == "SJIS"
        wire.send(query("select 1"))
        assert [message.kind for message in wire.until_ready()] == ["T", "D", "C", "Z"]
        wire.send(query(b"select '\x83\x5c'"))
        error, _ready = wire.until_ready()
        assert error.fields()["C"] == "42501" and error.fields()["M"].startswith("RG109")
        wire.send(query("set client_encoding = 'UTF8'"))
        wire.until_ready()
        wire.send(query("select 'é'"))
        assert [message.kind for message in wire.until_ready()] == ["T", "D", "C", "Z"]


def test_compression_is_not_asked_for(demo):
    """The backend would compress what the gate has to read. Redshift's drivers send `_pq_.compression`."""
    with Wire(demo.gate) as wire:
        wire.login("etl", "dev", **{"_pq_.compression": "zstd:1"})
        wire.send(query("select 1"))
        assert wire.until_ready()[-1].kind == "Z"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack("!i", 4),
        struct.pack("!i", -1) + b"x" * 8,
        struct.pack("!i", 2_000_000_000) + b"x" * 8,
        struct.pack("!ii", 9, 196608) + b"\0",
        struct.pack("!ii", 16, 196608) + b"user\0abc",
        struct.pack("!ii", 12, 80877102) + b"abcd",
        struct.pack("!ii", 8, 131072),
    ],
    ids=["http", "short", "negative", "huge", "no user", "unended", "short cancel", "version 2"],
)
def test_bad_startup_ends_the_connection_alone(gate, data):
    with Wire(gate.port) as wire:
        wire.send(data)
        answer = b""
        # The gate may have closed already, before the rest was read: the operating system then says so at either call.
        try:
            wire.sock.shutdown(socket.SHUT_WR)
            while more := wire.sock.recv(4096):
                answer += more
        except TimeoutError:
            raise
        except OSError:
            pass
        assert answer == b"" or answer[:1] == b"E"
    with Wire(gate.port) as wire:
        wire.login()


@pytest.mark.parametrize("body", [frame(b"F", b"\0" * 10), frame(b"Q", b"no end"), frame(b"P", b"a"), b"Q" + struct.pack("!i", 3)],
                         ids=["FunctionCall", "Query without NUL", "cut Parse", "length 3"])
def test_bad_messages_do_not_reach_the_backend_as_statements(gate, body):
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(body, SYNC)
        try:
            assert wire.message().kind == "E"
        except EOFError:
            assert body[1:5] == struct.pack("!i", 3), "only a length that cannot be ends the session without a word"
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(query("select 1"))
        wire.until_ready()


def test_a_statement_over_the_limit_is_refused_and_the_session_goes_on(postgres, tmp_path):
    from servers import Gate

    small = Gate(tmp_path, postgres.port, gate_extra="limits = { max_statement_bytes = 4096 }")
    with Wire(small.port) as wire:
        wire.login()
        wire.send(query("select '" + "x" * 10_000 + "'"))
        error, ready = wire.until_ready()
        assert error.fields()["C"] == "54000"
        assert ready.body == b"I"
        wire.send(query("select 1"))
        assert [message.kind for message in wire.until_ready()] == ["T", "D", "C", "Z"]
    assert small.stop() == 0


def test_two_commands_in_one_parse_are_the_servers_to_refuse(gate, postgres):
    rounds = [[*extended("select 1; select 2"), SYNC]]
    assert trace(gate.port, rounds, False) == trace(postgres.port, rounds, False)


def test_text_fields_are_cut_at_the_first_nul(gate):
    """A NUL within Query makes the gate and the server read different texts, so it is refused."""
    with Wire(gate.port) as wire:
        wire.login()
        wire.send(frame(b"Q", text("select 1") + text("copy t from 's3://b' iam_role default")))
        assert wire.until_ready()[0].kind == "E"


def test_a_statement_inside_copy_ends_the_session_as_natively(gate, clean):
    seen = []
    for port, bad in ((gate.port, REFUSED), (clean.port, NATIVE)):
        with Wire(port) as wire:
            wire.login()
            wire.send(query("create temp table c (i int); copy c from stdin"))
            while wire.message().kind != "G":
                pass
            wire.send(query(bad))
            errors = []
            try:
                while True:
                    message = wire.message()
                    errors += [(message.kind, message.fields()["C"], message.fields()["S"])] if message.kind == "E" else []
            except (EOFError, ConnectionError):
                seen.append(errors)
    assert seen[0] == seen[1] and seen[0]


def test_a_cancel_racing_a_refusal_harms_neither(gate):
    with Wire(gate.port) as wire:
        wire.login()
        for _round in range(20):
            wire.send(query(REFUSED))
            with Wire(gate.port) as other:
                other.send(struct.pack("!ii", 16, 80877102) + wire.key)
                assert other.sock.recv(1) == b""
            codes = [message.fields()["C"] for message in wire.until_ready() if message.kind == "E"]
            assert codes in (["42501"], ["57014"])
        # A cancel that comes between two statements may still hit the next one.
        wire.send(query("select 1"), query("select 2"))
        wire.until_ready()
        assert wire.until_ready()[-1].body == b"I"


def test_function_call_answers_as_natively(gate, clean):
    def call(port):
        with Wire(port) as wire:
            wire.login()
            # abs(int4), OID 1397, argument and result as text.
            wire.send(frame(b"F", struct.pack("!ihhhi", 1397, 1, 0, 1, 2) + b"-5" + struct.pack("!h", 0)))
            return [(message.kind, message.body) for message in wire.until_ready()]

    assert call(gate.port) == call(clean.port)
    assert call(gate.port)[0][0] == "V"
