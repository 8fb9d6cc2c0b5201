"""Start-up, packet by packet: which requests are taken in which order, and that the backend gets what the client sent, as it was."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

import psycopg
import pytest
from authority import Authority
from fake import AUTHENTICATION_OK, READY, Fake
from servers import Gate, wait_for
from wire import GSSENC_REQUEST, SSL_REQUEST, Wire, frame, query, startup, text

PROTOCOL_3_2 = 196610
CANCEL_CODE = struct.pack("!i", 80877102)
PROCESS = struct.pack("!i", 4711)


def cancel_request(key: bytes) -> bytes:
    return struct.pack("!i", 12 + len(key)) + CANCEL_CODE + PROCESS + key


@dataclass
class Backend(Fake):
    """Gives every session the same cancel key, and closes after a cancel request as a server does."""

    key: bytes = b"key4"
    cancels: list = field(default_factory=list)

    def __post_init__(self):
        self.answers = [AUTHENTICATION_OK + frame(b"K", PROCESS + self.key) + READY]
        super().__post_init__()

    def _serve(self, connection):
        head = connection.recv(8, socket.MSG_PEEK | socket.MSG_WAITALL)
        if head[4:] != CANCEL_CODE:
            return super()._serve(connection)
        with connection:
            self.cancels.append(connection.recv(4096))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def gate_before(backend, folder, gate_extra=""):
    gate = Gate(folder / "gate", backend.port, gate_extra=gate_extra)
    try:
        yield gate
        assert gate.process.process.poll() is None and "panicked" not in gate.process.output()
    finally:
        assert gate.stop() == 0


def direct_tls(port, protocol="postgresql") -> Wire:
    """A connection that begins with the handshake, without an SSLRequest."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    wire = Wire(port)
    wire.sock = context.wrap_socket(wire.sock)
    return wire


def rest(wire) -> bytes:
    """What still comes until the gate closes; a gate that does not close fails by timeout."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := wire.sock.recv(4096):
            data += more
    return data


def is_unsupported_protocol(wire, request) -> bool:
    """PostgreSQL takes a request that has no place for the version of a protocol that it does not speak, and says so."""
    fields = wire.message().fields()
    minor = int.from_bytes(request[6:], "big")
    wanted = f"unsupported frontend protocol 1234.{minor}: server supports 3.0 to 3.0"
    return (fields["S"], fields["C"], fields["M"], rest(wire)) == ("FATAL", "0A000", wanted, b"")


REQUESTS = {
    "none": ([], True),
    "SSLRequest": ([SSL_REQUEST], True),
    "GSSENCRequest": ([GSSENC_REQUEST], True),
    "both": ([GSSENC_REQUEST, SSL_REQUEST], True),
    "both, the other way round": ([SSL_REQUEST, GSSENC_REQUEST], True),
    "SSLRequest twice": ([SSL_REQUEST, SSL_REQUEST], False),
    "GSSENCRequest twice": ([GSSENC_REQUEST, GSSENC_REQUEST], False),
    "SSLRequest again after both": ([SSL_REQUEST, GSSENC_REQUEST, SSL_REQUEST], False),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_each_request_is_taken_once_in_any_order(tmp_path, name):
    requests, accepted = REQUESTS[name]
    with Backend() as backend, gate_before(backend, tmp_path) as gate, Wire(gate.port) as wire:
        for number, request in enumerate(requests, 1):
            wire.send(request)
            if number == len(requests) and not accepted:
                assert is_unsupported_protocol(wire, request) and backend.connections == 0
                return
            assert wire.exactly(1) == b"N"
        assert wire.login()[-1].kind == "Z"
        assert bytes(backend.received) == startup()


@pytest.mark.parametrize("direct", [False, True], ids=["after SSLRequest", "direct TLS"])
@pytest.mark.parametrize("request_inside", [SSL_REQUEST, GSSENC_REQUEST], ids=["SSLRequest", "GSSENCRequest"])
def test_no_request_for_encryption_within_it(tmp_path, authority, request_inside, direct):
    with Backend() as backend, gate_before(backend, tmp_path, authority.gate_tls()) as gate:
        with direct_tls(gate.port) if direct else Wire(gate.port) as wire:
            if not direct:
                wire.starttls()
            wire.send(request_inside)
            assert is_unsupported_protocol(wire, request_inside)
        assert backend.connections == 0


def test_direct_tls(tmp_path, authority):
    """A handshake at once, with PostgreSQL's application protocol: sslnegotiation=direct of libpq 17."""
    with Backend() as backend, gate_before(backend, tmp_path, authority.gate_tls() + "required = true\n") as gate:
        with direct_tls(gate.port) as wire:
            assert wire.sock.selected_alpn_protocol() == "postgresql"
            assert wire.login("etl", "dev")[-1].kind == "Z"
        assert bytes(backend.received).startswith(startup("etl", "dev"))


def test_libpq_connects_by_direct_tls_and_cancels(tmp_path, authority, postgres):
    gate_extra = authority.gate_tls() + "required = true\n"
    where = {"host": "127.0.0.1", "user": "postgres", "dbname": "postgres", "sslrootcert": authority.certificate}
    with gate_before(postgres, tmp_path, gate_extra) as gate:
        with psycopg.connect(**where, port=gate.port, sslmode="verify-full", sslnegotiation="direct") as connection:
            assert connection.execute("select 41 + 1").fetchone() == (42,)
            threading.Timer(0.3, connection.cancel_safe).start()
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute("select pg_sleep(30)")


def test_plaintext_behind_the_client_hello_of_direct_tls(tmp_path, authority):
    """Bytes that came in clear behind a ClientHello are no part of the encrypted session, and no session comes of it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["postgresql"])
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(coming, going)
    with Backend() as backend, gate_before(backend, tmp_path, authority.gate_tls()) as gate, Wire(gate.port) as wire:
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        wire.send(going.read() + startup("mallory") + query("injected"))
        shaken = False
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while data := wire.sock.recv(65536):
                coming.write(data)
                with contextlib.suppress(ssl.SSLWantReadError):
                    if not shaken:
                        tls.do_handshake()
                        shaken = True
                        tls.write(startup("etl"))
                    else:
                        tls.read(65536)
                if going.pending:
                    wire.send(going.read())
        assert backend.connections == 0


def test_clear_text_is_refused_where_tls_is_required(tmp_path, authority):
    """28000: the code upon which libpq and the JDBC driver try again with TLS."""
    with Backend() as backend, gate_before(backend, tmp_path, authority.gate_tls() + "required = true\n") as gate:
        with Wire(gate.port) as wire:
            refused = wire.login()[-1].fields()
            assert (refused["S"], refused["C"]) == ("FATAL", "28000")
        assert backend.connections == 0


def after(*requests):
    """Opens a connection on which these requests were declined or taken."""

    def open_wire(port):
        wire = Wire(port)
        for one in requests:
            if one == SSL_REQUEST:
                wire.starttls()
            else:
                wire.send(one)
                assert wire.exactly(1) == b"N"
        return wire

    return open_wire


STAGES = {
    "at once, in clear": after(),
    "after GSSENCRequest": after(GSSENC_REQUEST),
    "within TLS": after(SSL_REQUEST),
    "within TLS after GSSENCRequest": after(GSSENC_REQUEST, SSL_REQUEST),
    "within direct TLS": direct_tls,
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_cancel_request_is_taken_at_every_stage(tmp_path, authority, stage):
    """In clear too, where TLS is required: libpq's PQcancel and the JDBC driver send it no other way."""
    with Backend() as backend, gate_before(backend, tmp_path, authority.gate_tls() + "required = true\n") as gate:
        with STAGES[stage](gate.port) as wire:
            wire.send(cancel_request(b"key4"))
            assert rest(wire) == b""
        assert backend.cancels == [cancel_request(b"key4")]


@pytest.mark.parametrize("key", [b"k", b"key4", b"k" * 32, bytes(range(256))], ids=["1 byte", "4 bytes", "32 bytes", "256 bytes"])
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
def test_protocol_3_2_with_a_cancel_key_of_any_length(tmp_path, authority, encrypted, key):
    """The key goes to the client as it is, and comes back to the backend as it is."""

    def wire_to(gate):
        wire = Wire(gate.port)
        if encrypted:
            wire.starttls()
        return wire

    with Backend(key=key) as backend, gate_before(backend, tmp_path, authority.gate_tls()) as gate:
        with wire_to(gate) as session:
            kinds = [message.kind for message in session.login("etl", "dev", version=PROTOCOL_3_2)]
            assert kinds == ["R", "K", "Z"] and session.key == PROCESS + key
            assert bytes(backend.received) == startup("etl", "dev", version=PROTOCOL_3_2)
            with wire_to(gate) as wire:
                wire.send(cancel_request(key))
                assert rest(wire) == b""
            assert backend.cancels == [cancel_request(key)]
            session.send(query("select 1"))
            wait_for("the session's next statement", lambda: backend.received.endswith(query("select 1")))


@pytest.mark.parametrize("length", [0, 257])
def test_a_cancel_key_that_cannot_be(tmp_path, length):
    with Backend() as backend, gate_before(backend, tmp_path) as gate:
        with Wire(gate.port) as wire:
            wire.send(cancel_request(b"k" * length))
            assert rest(wire) == b""
        assert backend.connections == 0


@pytest.mark.parametrize("options", [{"version": PROTOCOL_3_2}, {"_pq_.greased": "1"}], ids=["3.2", "unknown protocol option"])
def test_the_server_negotiates_the_protocol(gate, postgres, options):
    """NegotiateProtocolVersion is the server's answer, and passes at the place where it gives it."""

    def answers(port):
        with Wire(port) as wire:
            # Its own key has every session, and its own client address a connection.
            return [(message.kind, message.body) for message in wire.login(**options) if message.kind != "K"]

    through = answers(gate.port)
    assert through == answers(postgres.port)
    assert through[0][0] == "v"


def padded_startup(length: int) -> bytes:
    """A start-up packet of that many bytes, its length field included."""
    shortest = startup(application_name="")
    packet = startup(application_name="x" * (length - len(shortest)))
    assert len(packet) == length
    return packet


@pytest.mark.parametrize(("length", "accepted"), [(10_004, True), (10_005, False)])
def test_the_length_of_a_startup_packet_is_bounded_as_by_postgresql(tmp_path, postgres, length, accepted):
    packet = padded_startup(length)

    def is_accepted(port):
        with Wire(port) as wire:
            wire.send(packet)
            with contextlib.suppress(EOFError, ConnectionError):
                return wire.message().kind == "R"
            return False

    assert is_accepted(postgres.port) is accepted
    with Backend() as backend, gate_before(backend, tmp_path) as gate:
        assert is_accepted(gate.port) is accepted
        assert bytes(backend.received).removesuffix(frame(b"X")) == (packet if accepted else b"")


def trickle(wire):
    """A byte now and then, for longer than the limit."""
    for byte in startup(application_name="x" * 100):
        wire.send(bytes([byte]))
        time.sleep(0.1)


def stop_before_the_handshake(wire):
    wire.send(SSL_REQUEST)
    assert wire.exactly(1) == b"S"
    time.sleep(1.5)
    # The record of a ClientHello that says it is longer than what comes.
    wire.send(b"\x16\3\1\2\0\1")


def stop_within_tls(wire):
    time.sleep(1.5)
    wire.starttls()


@pytest.mark.alone
@pytest.mark.parametrize("stop", [trickle, stop_before_the_handshake, stop_within_tls])
def test_one_deadline_bounds_the_whole_startup(tmp_path, authority, stop):
    """It is not set anew by bytes that arrive or by a stage that is over."""
    extra = 'limits = { startup_timeout = "2s" }\n' + authority.gate_tls()
    with Backend() as backend, gate_before(backend, tmp_path, extra) as gate, Wire(gate.port) as wire:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError, EOFError, ssl.SSLError):
            stop(wire)
            wire.sock.recv(1)
        assert 1.9 < time.monotonic() - began < 3, "from the connection on, two seconds"
        assert backend.connections == 0


def raw_startup(*pairs: tuple[bytes, bytes]) -> bytes:
    """A StartupMessage of these parameters in this order, whatever they hold."""
    body = (196608).to_bytes(4, "big") + b"".join(text(key) + text(value) for key, value in pairs) + b"\0"
    return (len(body) + 4).to_bytes(4, "big") + body


ODD_STARTUPS = {
    "user given twice": raw_startup((b"user", b"nobody"), (b"user", b"postgres"), (b"database", b"postgres")),
    "user given twice, the last unknown": raw_startup((b"user", b"postgres"), (b"user", b"nobody")),
    "database given twice": raw_startup((b"user", b"postgres"), (b"database", b"nothing"), (b"database", b"postgres")),
    "application_name given twice": raw_startup((b"user", b"postgres"), (b"application_name", b"a"), (b"application_name", b"b")),
    "user not UTF-8": raw_startup((b"user", b"\xff\xfe")),
    "database not UTF-8": raw_startup((b"user", b"postgres"), (b"database", b"\xc3(")),
    "application_name not UTF-8": raw_startup((b"user", b"postgres"), (b"application_name", b"caf\xe9")),
}


@pytest.mark.parametrize("name", ODD_STARTUPS)
def test_odd_parameters_are_answered_as_by_postgresql(gate, postgres, name):
    def answers(port):
        with Wire(port) as wire:
            wire.send(ODD_STARTUPS[name])
            messages = []
            while not messages or messages[-1].kind not in "ZE":
                messages.append(wire.message())
            return [(message.kind, message.body) for message in messages if message.kind != "K"]

    assert answers(gate.port) == answers(postgres.port)
