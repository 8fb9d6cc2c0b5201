"""Makes a PostgreSQL start a session as Redshift would, for redshift_connector: it takes the driver's own start-up keys, which a
PostgreSQL refuses as unknown parameters, and reports version 8.0.2. From ReadyForQuery on, bytes pass as they are."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field

from fake import Listening
from wire import frame, text

# What redshift_connector adds to PostgreSQL's start-up parameters.
OWN_KEYS = {
    b"client_protocol_version",
    b"driver_version",
    b"os_version",
    b"driver_discovery_version",
    b"plugin_name",
    b"idp_type",
    b"identity_namespace",
    b"token_type",
    b"idc_client_display_name",
    b"provider_name",
}
PROTOCOL_3 = 196608
SERVER_VERSION = text("server_version")


def without_own_keys(opening: bytes) -> bytes:
    """A start-up packet without the keys that only Redshift knows; any other packet as it is."""
    if struct.unpack("!i", opening[4:8])[0] != PROTOCOL_3:
        return opening
    words = opening[8:].rstrip(b"\0").split(b"\0")
    pairs = zip(words[::2], words[1::2], strict=True)
    body = opening[4:8] + b"".join(text(name) + text(value) for name, value in pairs if name not in OWN_KEYS) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def copy(source: socket.socket, target: socket.socket):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@dataclass
class Shim(Listening):
    """Listens on a port of its own in front of the PostgreSQL at port `upstream`."""

    upstream: int
    openings: list = field(default_factory=list)

    def _serve(self, frontend):
        with frontend, socket.create_connection(("127.0.0.1", self.upstream)) as backend, contextlib.suppress(OSError):
            head = frontend.recv(4, socket.MSG_WAITALL)
            if len(head) < 4:
                return
            opening = head + frontend.recv(struct.unpack("!i", head)[0] - 4, socket.MSG_WAITALL)
            self.openings.append(opening)
            backend.sendall(without_own_keys(opening))
            upwards = threading.Thread(target=copy, args=(frontend, backend), daemon=True)
            upwards.start()
            self._start(backend, frontend)
            copy(backend, frontend)
            upwards.join()

    def _start(self, backend, frontend):
        """Relays the backend's messages up to the first ReadyForQuery."""
        kind = b""
        while kind != b"Z":
            head = backend.recv(5, socket.MSG_WAITALL)
            if len(head) < 5:
                return
            kind = head[:1]
            body = backend.recv(struct.unpack("!i", head[1:])[0] - 4, socket.MSG_WAITALL)
            if kind == b"S" and body.startswith(SERVER_VERSION):
                body = SERVER_VERSION + text("8.0.2")
            frontend.sendall(frame(kind, body))

    def stop(self):
        self.listener.close()
