"""Redshift's own ways to log in, relayed byte for byte: digest (13) and the token of an identity provider (14)."""

import struct

import pytest
from fake import AUTHENTICATION_OK, READY, Fake
from servers import Gate, wait_for
from wire import FLUSH, Wire, frame, startup

DIGEST_REQUEST = struct.pack("!iii", 13, 0, 8) + b"salt-123" + struct.pack("!i", 6) + b"nonce1"
DIGEST = frame(b"d", struct.pack("!i", 32) + b"\xff" * 32 + struct.pack("!i", 13) + b"1700000000000")
TOKEN = frame(b"i", b"t" * 20_480)


@pytest.mark.parametrize(
    ("request_body", "answer"),
    [(DIGEST_REQUEST, DIGEST + FLUSH), (struct.pack("!i", 14), TOKEN)],
    ids=["digest, then Flush", "token of 20 KiB"],
)
def test_answers_pass_unchanged_and_unlogged(tmp_path, request_body, answer):
    with Fake([frame(b"R", request_body), AUTHENTICATION_OK + READY]) as fake:
        gate = Gate(tmp_path, fake.port)
        with Wire(gate.port) as wire:
            opening = startup("etl", "dev")
            wire.send(opening)
            assert wire.message().body == request_body
            wire.send(answer)
            assert [message.kind for message in wire.until_ready()] == ["R", "Z"]
            wait_for("the whole answer", lambda: len(fake.received) >= len(opening + answer))
            assert bytes(fake.received) == opening + answer
        assert gate.stop() == 0
        assert "tttttttt" not in gate.process.output() and "1700000000000" not in gate.process.output()
