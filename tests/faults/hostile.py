"""Floods: sessions that send what costs a gate the most, as much of it as one client would send. Each knows what it must be answered."""

import random
import struct
import threading

from traffic import codes, expect, kinds, refused
from wire import SYNC, Wire, bind, execute, frame, parse, query, startup

# Carries access keys: annotated, and unknown to a PostgreSQL.
ANNOTATED = "copy t from 's3://b/x' access_key_id 'AKIAIOSFODNN7EXAMPLE' secret_access_key 'k'"

USERS = 1_200
SKIPPED = 5_000
REFUSED = 400
MEBIBYTE = 1024 * 1024


def answers(wire: Wire, data: bytes, count: int) -> list[list]:
    """Sends everything while the answers are read, up to so many ReadyForQuery."""
    sender = threading.Thread(target=wire.send, args=(data,), daemon=True)
    sender.start()
    seen = [wire.until_ready() for _answer in range(count)]
    sender.join()
    return seen


def users(wire: Wire, _rng):
    """Users that the server does not know, asked for in one pipeline, and a statement that each of them would have to be asked about."""
    asked = [query(f"set session authorization nobody_{number}") for number in range(USERS)]
    seen = answers(wire, b"".join([*asked, query(refused())]), USERS + 1)
    expect([codes(messages) for messages in seen], [["22023"]] * USERS + [["42501"]], "users")
    return USERS + 1


def skipped(wire: Wire, _rng):
    """Annotated statements that the server passes over: none of them ran, so none has a warning."""
    flood = parse("select (") + parse(ANNOTATED) * SKIPPED + SYNC
    (messages,) = answers(wire, flood, 1)
    expect((codes(messages), kinds(messages, without="S")), (["42601"], "EZ"), "skipped statements")
    return SKIPPED


def refusals(wire: Wire, _rng):
    """More refused statements than may wait for their answer: each is refused all the same, and those in between are answered."""
    seen = answers(wire, b"".join(query(refused()) + query("select 1") for _time in range(REFUSED)), 2 * REFUSED)
    expect([codes(messages) for messages in seen[::2]], [["42501"]] * REFUSED, "refusals")
    expect([kinds(messages) for messages in seen[1::2]], ["TDCZ"] * REFUSED, "statements between refusals")
    return 2 * REFUSED


def refusals_in_a_pipeline(wire: Wire, _rng):
    """One pipeline up to one Sync: the first is refused, the others are passed over."""
    flood = b"".join(parse(refused()) + bind() + execute() for _time in range(REFUSED)) + SYNC
    (messages,) = answers(wire, flood, 1)
    expect((codes(messages), kinds(messages)), (["42501"], "EZ"), "refusals in a pipeline")
    return REFUSED


def long_texts(wire: Wire, _rng):
    """Prepared statements with roles and a long text, more than a session is let keep."""
    for number in range(16):
        wire.send(parse(f"{ANNOTATED} /* {'t' * MEBIBYTE} */", f"long{number}"), SYNC)
        seen = codes(wire.until_ready())
        # PostgreSQL knows no such COPY; a text that is not let in is refused by the gate.
        assert seen in (["42601"], ["42501"], ["54000"]), seen
    wire.send(query("deallocate all"))
    wire.until_ready()
    return 16


FLOODS = (users, skipped, refusals, refusals_in_a_pipeline, long_texts)


def before_login(port: int, rng: random.Random):
    """A long statement announced behind the start-up packet, and only begun; whether it is answered is the server's matter."""
    with Wire(port, timeout=2) as wire:
        header = b"Q" + struct.pack("!i", 15 * MEBIBYTE)
        wire.send(startup(), header, b"s" * rng.randrange(MEBIBYTE))
        try:
            while wire.message().kind not in "ZE":
                pass
        except (EOFError, OSError):
            pass


def huge(port: int, _rng):
    """Frames that no server takes: each ends its connection."""
    for kind, length in ((b"Q", 2**31 - 1), (b"P", 3), (b"B", -1)):
        with Wire(port, timeout=5) as wire:
            wire.login()
            wire.send(kind + struct.pack("!i", length), frame(b"S"))
            try:
                while wire.message().kind:
                    pass
            except (EOFError, ConnectionError):
                pass


CONNECTIONS = (before_login, huge)
