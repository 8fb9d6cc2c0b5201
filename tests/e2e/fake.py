"""A backend whose every byte the test chooses, and which keeps what it was sent."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field

from wire import frame, text

AUTHENTICATION_OK = frame(b"R", struct.pack("!i", 0))
READY = frame(b"Z", b"I")
# A session's start in one piece: authenticated, a cancel key, ready.
WELCOME = AUTHENTICATION_OK + frame(b"K", struct.pack("!ii", 7, 9)) + READY


def error(code="42601", message="no") -> bytes:
    return frame(b"E", b"S" + text("ERROR") + b"C" + text(code) + b"M" + text(message) + b"\0")


class Listening:
    """Listens on a port of its own and serves every connection in a thread: `_serve`, which a kind of backend writes."""

    connections = 0

    def __post_init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()


@dataclass
class Fake(Listening):
    """Answers each chunk it reads with the next of `answers`; after the last it only listens."""

    answers: list = field(default_factory=lambda: [WELCOME])
    received: bytearray = field(default_factory=bytearray)

    def _serve(self, connection):
        answers = iter(self.answers)
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.received += data
                if (answer := next(answers, None)) is not None:
                    connection.sendall(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.listener.close()
