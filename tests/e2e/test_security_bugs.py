"""Security bugs that other proxies and drivers had, each with the test that would find it here. Named after the bug."""

import socket
import ssl
import struct
import time

import pytest
from authority import Authority
from fake import READY, WELCOME, Fake, error
from servers import Gate, http
from wire import GSSENC_REQUEST, SSL_REQUEST, SYNC, Wire, bind, execute, frame, parse, query, startup, text

REFUSED = "copy t from 's3://b/x' iam_role 'bad'"
SECRET = b"injected_by_the_test"


def drain(wire) -> bytes:
    """Everything until the gate closes; a gate that keeps the connection open fails by timeout."""
    data = b""
    try:
        while more := wire.sock.recv(65536):
            data += more
    except ConnectionError:
        pass
    return data


def still_serves(gate):
    assert gate.process.process.poll() is None, gate.process.output()
    assert "panicked" not in gate.process.output()
    assert http(gate.admin, "/healthz")[0] == 200


@pytest.fixture
def behind(tmp_path):
    """Makes gates in front of fake backends and ends them."""
    gates = []

    def make(fake, **settings):
        gates.append(Gate(tmp_path / str(len(gates)), fake.port, **settings))
        return gates[-1]

    yield make
    for gate in gates:
        still_serves(gate)
        assert gate.stop() == 0


@pytest.mark.parametrize("before", [SSL_REQUEST, GSSENC_REQUEST + SSL_REQUEST], ids=["SSLRequest", "GSSENCRequest first"])
def test_cve_2021_23214_and_3935_and_43766_plaintext_before_client_tls(behind, tmp_path, before):
    with Fake() as fake:
        gate = behind(fake, gate_extra=Authority(tmp_path / "authority").gate_tls())
        with Wire(gate.port) as wire:
            wire.send(before + startup("mallory") + query(SECRET.decode()))
            drain(wire)
        assert SECRET not in fake.received and b"mallory" not in fake.received


def test_cve_2021_23222_and_43767_and_2023_31136_plaintext_before_upstream_tls(behind):
    with Fake([b"S" + WELCOME]) as fake:
        gate = behind(fake, tls='tls = "require"')
        with Wire(gate.port) as wire:
            messages = wire.login()
        assert [message.kind for message in messages] == ["E"]


def test_cve_2024_10977_error_text_before_upstream_tls(behind):
    with Fake([error("08000", SECRET.decode())]) as fake:
        gate = behind(fake, tls='tls = "require"')
        with Wire(gate.port) as wire:
            (refusal,) = wire.login()
        assert refusal.kind == "E" and SECRET not in refusal.body
        assert b"postgres" not in fake.received, "no second try without TLS"


@pytest.mark.parametrize("answer", [b"N", b"\0", b"SSSS", b""], ids=["N", "NUL", "garbage", "silence"])
def test_tls_downgrade_by_the_upstream(behind, answer):
    with Fake([answer]) as fake:
        gate = behind(fake, tls='tls = "require"\nconnect_timeout = "1s"')
        with Wire(gate.port) as wire:
            assert wire.login()[-1].kind == "E"
        assert b"postgres" not in fake.received


@pytest.mark.parametrize("length", [0, 3, -1, 2**31 - 1], ids=["zero", "three", "negative", "largest"])
def test_cve_2024_27304_length_wrap(behind, length):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(b"Q" + struct.pack("!i", length) + query(SECRET.decode()))
            wire.sock.shutdown(socket.SHUT_WR)
            drain(wire)
        assert SECRET not in fake.received


@pytest.mark.parametrize(
    "body",
    [frame(b"Q", b"unended"), frame(b"Q", text("a") + b"b"), frame(b"P", text("") + text("a")), frame(b"P", text("") + text("a") + b"\0\1")],
    ids=["no NUL", "embedded NUL", "no count", "wrong count"],
)
def test_parser_differential(behind, body):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(body)
            time.sleep(0.3)
        assert body not in fake.received


@pytest.mark.parametrize(
    "sql",
    [r"select '\', ' copy t from ''s3://b'' iam_role ''bad'' --'", r"select E'\'' ; " + REFUSED, "select $a$ $a$; " + REFUSED, "/* /* */ */ " + REFUSED],
    ids=["backslash", "E string", "dollar quotes", "nested comment"],
)
def test_string_literal_differential(behind, sql):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(query(sql))
            time.sleep(0.3)
        assert sql.encode() not in fake.received and b"rolegate_refused_" in fake.received


def test_cve_2025_1094_invalid_multibyte_text(behind):
    sql = b"select '\xc3'; " + REFUSED.encode()
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(frame(b"Q", text(sql)))
            time.sleep(0.3)
        assert sql not in fake.received


AUTHENTICATIONS = {
    "cve_2026_6664 digest lengths beyond the frame": struct.pack("!iii", 13, 0, 2**31 - 1),
    "cve_2026_6664 SASL": struct.pack("!i", 10) + b"SCRAM",
    "cve_2026_6665 a nonce of 1 MB": struct.pack("!i", 11) + b"r=" + b"n" * 1_000_000,
}


@pytest.mark.parametrize("name", AUTHENTICATIONS)
def test_authentication_frames(behind, name):
    sent = frame(b"R", AUTHENTICATIONS[name])
    with Fake([sent]) as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.send(startup())
            assert wire.message().kind in "RE", "relayed or refused"


ERRORS = {"empty": b"", "NUL": b"\0", "only M": b"M" + text("x") + b"\0", "unended": b"Mx", "unknown": b"?" + text("x") + b"\0", "1 MB": b"M" + b"x" * 1_000_000 + b"\0\0"}


@pytest.mark.parametrize("name", ERRORS)
def test_cve_2026_6666_error_without_sqlstate(behind, name):
    with Fake([WELCOME, frame(b"E", ERRORS[name]) + READY]) as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(query(REFUSED))
            assert [message.kind for message in wire.until_ready()] == ["E", "Z"]


def test_cve_2025_12819_the_gate_runs_no_sql_of_its_own(behind):
    with Fake() as fake:
        gate = behind(fake)
        opening = startup("etl", "dev", search_path="evil, pg_catalog")
        with Wire(gate.port) as wire:
            wire.send(opening)
            wire.until_ready()
            wire.send(query("select 1"))
            time.sleep(0.3)
        assert bytes(fake.received).removesuffix(frame(b"X")) == opening + query("select 1")


@pytest.mark.parametrize("data", [b"p\0\0\0\4", b"X\0\0\0\4", *[struct.pack("!i", n) for n in (3, 4, 7, 2**31 - 1)], b"\0"])
def test_cve_2015_4054_bad_first_bytes(behind, data):
    with Fake() as fake:
        gate = behind(fake, gate_extra='limits = { startup_timeout = "1s" }')
        with Wire(gate.port) as wire:
            wire.send(data)
            drain(wire)
        assert fake.connections == 0


@pytest.mark.parametrize("key", ["user", "database", "application_name"])
def test_cve_2012_4575_long_startup_values(behind, key):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.send(startup(**{key: "x" * 10_000}))
            drain(wire)
        assert fake.connections == 0


@pytest.mark.parametrize("bad", [(True, False), (False, True, False)], ids=["first", "middle"])
def test_pgcat_verdict_overwritten_by_the_next_parse(behind, bad):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            for each in bad:
                wire.send(parse(REFUSED if each else "select 1"), bind(), execute())
            wire.send(SYNC)
            time.sleep(0.3)
        assert REFUSED.encode() not in fake.received and b"rolegate_refused_" in fake.received


@pytest.mark.parametrize("key", ["user", "database"])
def test_teleport_duplicate_names(behind, key):
    with Fake() as fake:
        gate = behind(fake)
        body = struct.pack("!i", 196608) + text("user") + text("a") + text("database") + text("d") + text(key) + text("b") + b"\0"
        with Wire(gate.port) as wire:
            wire.send(struct.pack("!i", len(body) + 4) + body)
            assert wire.message().kind == "R"
        # As with PostgreSQL the last one counts, and it goes on alone: nobody behind the gate can read the other.
        assert fake.received.count(text(key)) == 1 and text(key) + text("b") in fake.received


@pytest.mark.parametrize("key", ["_pq_.compression", "_PQ_.Compression"])
def test_compression_bypass_at_startup(behind, key):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            assert wire.login(**{key: "zstd:1"})[-1].kind == "Z"
        assert b"compression" not in fake.received.lower()


@pytest.mark.parametrize("kind", [b"m", b"k", b"z"])
def test_compression_bypass_by_frames(behind, kind):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            wire.login()
            wire.send(frame(kind, SECRET))
            drain(wire)
        assert SECRET not in fake.received


@pytest.mark.parametrize("value", ["1", "true", "database", "on"])
def test_replication_bypass(behind, value):
    with Fake() as fake:
        gate = behind(fake)
        with Wire(gate.port) as wire:
            assert wire.login(replication=value)[-1].kind == "E"
        assert fake.connections == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_cve_2026_6667_the_admin_address_changes_nothing(behind, method):
    with Fake() as fake:
        gate = behind(fake)
        for path in ("/", "/metrics", "/healthz", "/readyz", "/api/v1/sessions"):
            with socket.create_connection(("127.0.0.1", gate.admin), timeout=5) as sock:
                sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
                assert sock.recv(64).split()[1] in (b"404", b"405")


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]], ids=["none", "another"])
def test_alpaca_direct_tls_without_the_application_protocol(behind, tmp_path, protocols):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    with Fake() as fake:
        gate = behind(fake, gate_extra=Authority(tmp_path / "authority").gate_tls())
        with socket.create_connection(("127.0.0.1", gate.port), timeout=5) as plain:
            try:
                with context.wrap_socket(plain) as sock:
                    sock.sendall(startup("mallory"))
                    assert sock.recv(64) == b""
            except (ssl.SSLError, ConnectionError):
                pass
        assert fake.connections == 0


def test_slowloris_sockets_end_at_the_deadline(behind):
    with Fake() as fake:
        gate = behind(fake, gate_extra='limits = { startup_timeout = "2s" }')
        slow = [socket.create_connection(("127.0.0.1", gate.port), timeout=5) for _ in range(200)]
        for sock in slow:
            sock.sendall(b"\0")
        with Wire(gate.port) as wire:
            assert wire.login()[-1].kind == "Z", "others are served beside them"
        began = time.monotonic()
        for sock in slow:
            try:
                assert sock.recv(4096)[:1] in (b"", b"E")
            except ConnectionError:
                pass
            sock.close()
        assert time.monotonic() - began < 5
        assert fake.connections == 1
