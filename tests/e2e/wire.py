"""The PostgreSQL protocol, version 3, as far as the tests speak it themselves: frames out, frames in, nothing hidden."""

import hashlib
import socket
import ssl
import struct
from dataclasses import dataclass, field

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSSENC_REQUEST = struct.pack("!ii", 8, 80877104)


def frame(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value: str | bytes) -> bytes:
    return (value.encode() if isinstance(value, str) else value) + b"\0"


def query(sql) -> bytes:
    return frame(b"Q", text(sql))


def parse(sql, name="") -> bytes:
    return frame(b"P", text(name) + text(sql) + struct.pack("!h", 0))


def bind(name="", portal="", values=()) -> bytes:
    body = text(portal) + text(name) + struct.pack("!hh", 0, len(values))
    for value in values:
        body += struct.pack("!i", len(value)) + value
    return frame(b"B", body + struct.pack("!h", 0))


def execute(portal="") -> bytes:
    return frame(b"E", text(portal) + struct.pack("!i", 0))


def describe(name="") -> bytes:
    return frame(b"D", b"S" + text(name))


SYNC = frame(b"S")
FLUSH = frame(b"H")
TERMINATE = frame(b"X")


def startup(user="postgres", database="postgres", version=196608, **options) -> bytes:
    body = struct.pack("!i", version)
    for name, value in {"user": user, "database": database, **options}.items():
        body += text(name) + text(value)
    body += b"\0"
    return struct.pack("!i", len(body) + 4) + body


@dataclass
class Message:
    kind: str
    body: bytes

    def fields(self) -> dict[str, str]:
        """The fields of an ErrorResponse or NoticeResponse."""
        return {part[:1].decode(): part[1:].decode() for part in self.body.split(b"\0") if part}


@dataclass
class Wire:
    """A connection on which every byte is the test's own."""

    port: int
    host: str = "127.0.0.1"
    timeout: float = 10
    source: str = ""
    sock: socket.socket = field(init=False)
    parameters: dict = field(default_factory=dict)
    key: bytes = b""

    def __post_init__(self):
        source = (self.source, 0) if self.source else None
        self.sock = socket.create_connection((self.host, self.port), timeout=self.timeout, source_address=source)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.sock.close()

    def send(self, *parts: bytes):
        self.sock.sendall(b"".join(parts))

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError(f"closed after {len(data)} of {count} bytes")
            data += more
        return data

    def message(self) -> Message:
        head = self.exactly(5)
        (length,) = struct.unpack("!i", head[1:])
        return Message(head[:1].decode(), self.exactly(length - 4))

    def until_ready(self) -> list[Message]:
        """All messages up to and with the next ReadyForQuery."""
        messages = []
        while True:
            messages.append(self.message())
            if messages[-1].kind == "Z":
                return messages

    def starttls(self):
        self.send(SSL_REQUEST)
        assert self.exactly(1) == b"S"
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)

    def login(self, user="postgres", database="postgres", password="demo", **options) -> list[Message]:
        self.send(startup(user, database, **options))
        messages = []
        while True:
            message = self.message()
            messages.append(message)
            if message.kind == "R":
                (code,) = struct.unpack("!i", message.body[:4])
                if code == 3:
                    self.send(frame(b"p", text(password)))
                elif code == 5:
                    inner = hashlib.md5((password + user).encode()).hexdigest()
                    outer = hashlib.md5(inner.encode() + message.body[4:8]).hexdigest()
                    self.send(frame(b"p", text("md5" + outer)))
            elif message.kind == "S":
                name, value, _end = message.body.split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif message.kind == "K":
                self.key = message.body
            elif message.kind in "ZE":
                return messages
