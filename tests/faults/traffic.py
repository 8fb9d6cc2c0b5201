"""What clients do: well-behaved pieces of traffic, each of which checks its own answers, and ways to vanish."""

import itertools
import random
import select
import struct
import time

from proxy import FORBIDDEN, close, reset
from wire import FLUSH, SSL_REQUEST, SYNC, TERMINATE, Wire, bind, execute, frame, parse, query, startup

NUMBERS = itertools.count()
COPY_LINES = 2000


def refused() -> str:
    """A statement that every policy of the harness refuses."""
    return f"copy t from 's3://{FORBIDDEN.decode()}{next(NUMBERS)}/x' iam_role 'bad'"


def kinds(messages, *, without="SN") -> str:
    return "".join(message.kind for message in messages if message.kind not in without)


def expect(seen, wanted, what):
    assert seen == wanted, f"{what}: {seen!r} instead of {wanted!r}"


def codes(messages) -> list[str]:
    return [message.fields()["C"] for message in messages if message.kind == "E"]


def simple(wire: Wire, rng: random.Random):
    rows = rng.choice((1, 10, 3000))
    wire.send(query(f"select i, repeat('x', 40) from generate_series(1, {rows}) i"))
    expect(kinds(wire.until_ready()), "T" + "D" * rows + "CZ", "simple query")
    return 1


def extended(wire: Wire, rng: random.Random):
    number = rng.randrange(1_000_000)
    wire.send(parse(f"select {number}"), bind(), execute(), SYNC)
    messages = wire.until_ready()
    expect(kinds(messages), "12DCZ", "extended query")
    assert str(number).encode() in messages[2].body
    return 1


def prepared(wire: Wire, rng: random.Random):
    name = f"p{next(NUMBERS)}"
    wire.send(parse("select $1::text", name), SYNC)
    expect(kinds(wire.until_ready()), "1Z", "named Parse")
    for _time in range(rng.randrange(1, 5)):
        value = str(rng.random()).encode()
        wire.send(bind(name, values=[value]), execute(), SYNC)
        messages = wire.until_ready()
        expect(kinds(messages), "2DCZ", "Bind of a named statement")
        assert messages[1].body.endswith(value)
    wire.send(frame(b"C", b"S" + name.encode() + b"\0"), SYNC)
    expect(kinds(wire.until_ready()), "3Z", "Close")
    return 2


def pipelined(wire: Wire, rng: random.Random):
    """Nine statements at once, one of them refused: the others are answered in their order."""
    place = rng.randrange(9)
    sent = [refused() if number == place else f"select {number}" for number in range(9)]
    wire.send(*[part for sql in sent for part in (parse(sql), bind(), execute(), SYNC)])
    for number in range(9):
        messages = wire.until_ready()
        if number == place:
            expect(codes(messages), ["42501"], "refusal in a pipeline")
        else:
            expect(kinds(messages), "12DCZ", "pipelined query")
    return 9


def copy_in(wire: Wire, rng: random.Random):
    table = f"c{next(NUMBERS)}"
    wire.send(query(f"create temp table {table} (i int, t text); copy {table} from stdin"))
    while wire.message().kind != "G":
        pass
    line = b"1\t" + b"y" * rng.randrange(1, 200) + b"\n"
    wire.send(*[frame(b"d", line)] * COPY_LINES, frame(b"c"))
    messages = wire.until_ready()
    expect(messages[0].body, f"COPY {COPY_LINES}\0".encode(), "COPY in")
    wire.send(query(f"drop table {table}"))
    expect(kinds(wire.until_ready()), "CZ", "DROP")
    return 3


def copy_out(wire: Wire, _rng):
    wire.send(query(f"copy (select i from generate_series(1, {COPY_LINES}) i) to stdout"))
    expect(kinds(wire.until_ready()), "H" + "d" * COPY_LINES + "cCZ", "COPY out")
    return 1


def refusal(wire: Wire, _rng):
    wire.send(query(refused()))
    messages = wire.until_ready()
    expect((codes(messages), messages[-1].body), (["42501"], b"I"), "refusal")
    return 1


def refusal_in_transaction(wire: Wire, _rng):
    wire.send(query("begin"), query(refused()), query("select 1"), query("rollback"))
    seen = [(codes(messages), messages[-1].body) for messages in (wire.until_ready() for _query in range(4))]
    expect(seen, [([], b"T"), (["42501"], b"E"), (["25P02"], b"E"), ([], b"I")], "refusal in a transaction")
    return 4


def annotation(wire: Wire, _rng):
    """Static keys are annotated; PostgreSQL has no such COPY and says so."""
    wire.send(query("copy t from 's3://b/x' access_key_id 'AKIAIOSFODNN7EXAMPLE' secret_access_key 'k'"))
    messages = wire.until_ready()
    expect(codes(messages), ["42601"], "annotated COPY")
    # The warning stands at the next frame boundary after the first ReadyForQuery.
    notices = [message.fields()["M"][:5] for message in messages if message.kind == "N"]
    expect(notices, ["RG104"], "annotation")
    return 1


def cancel(wire: Wire, _rng):
    wire.send(query("select pg_sleep(60)"))
    ready = []
    for _time in range(40):
        # One that is there before its statement has no effect, so it is sent again.
        time.sleep(0.05)
        with Wire(wire.port) as other:
            other.send(struct.pack("!ii", 16, 80877102) + wire.key)
            assert other.sock.recv(1) == b""
        ready, _, _ = select.select([wire.sock], [], [], 0.3)
        if ready:
            break
    assert ready, "40 cancel requests had no effect"
    expect(codes(wire.until_ready()), ["57014"], "cancel")
    return 1


ACTIVITIES = (simple, extended, prepared, pipelined, copy_in, copy_out, refusal, refusal_in_transaction, annotation, cancel)

BIG = query("select i, repeat('z', 500) from generate_series(1, 20000) i")


def during_startup(port: int, rng: random.Random) -> Wire:
    wire = Wire(port)
    packet = startup()
    wire.send(packet[: rng.randrange(len(packet) + 1)])
    return wire


def tls_garbage(port: int, rng: random.Random) -> Wire:
    """Garbage instead of a handshake, asked for by SSLRequest or not, with and without a record's header."""
    wire = Wire(port)
    if rng.random() < 0.5:
        wire.send(SSL_REQUEST)
        wire.exactly(1)
    wire.send(rng.choice((b"", b"\x16\x03\x01\x02\x00")) + rng.randbytes(rng.randrange(1, 600)))
    return wire


def logged_in(port: int, rng: random.Random | None = None) -> Wire:
    """A session; with a random source, sometimes inside TLS."""
    wire = Wire(port)
    if rng and rng.random() < 0.3:
        wire.starttls()
    last = wire.login()[-1]
    assert last.kind == "Z", f"login: {last.fields()}"
    return wire


def mid_statement(port, rng):
    wire = logged_in(port, rng)
    whole = query("select '" + "s" * rng.choice((10, 100_000)) + "'") if rng.random() < 0.5 else query(refused())
    wire.send(whole[: rng.randrange(1, len(whole))])
    return wire


def mid_result(port, rng):
    wire = logged_in(port, rng)
    wire.send(BIG)
    wire.exactly(rng.randrange(1, 100_000))
    return wire


def unread_data(port, rng):
    wire = logged_in(port, rng)
    wire.send(BIG)
    time.sleep(rng.random() / 5)
    return wire


def in_copy(port, rng):
    wire = logged_in(port, rng)
    wire.send(query("create temp table gone (t text); copy gone from stdin"))
    while wire.message().kind != "G":
        pass
    wire.send(frame(b"d", b"half\n") * rng.randrange(1, 50), frame(b"d", b"x" * 50)[:20])
    return wire


def in_pipeline(port, rng):
    wire = logged_in(port, rng)
    wire.send(query("begin"), *[part for _i in range(rng.randrange(1, 60)) for part in (parse(refused()), bind(), execute(), FLUSH)])
    return wire


def politely(port, rng):
    wire = logged_in(port, rng)
    wire.send(TERMINATE)
    return wire


STATES = (during_startup, tls_garbage, mid_statement, mid_result, unread_data, in_copy, in_pipeline, politely)


def vanish(state, port: int, rng: random.Random):
    """Brings a connection into a state and lets go of it, with FIN or with RST."""
    wire = state(port, rng)
    (reset if rng.random() < 0.5 else close)(wire.sock)
