"""A backend that lets everybody in and runs everything at once, fast, in a process of its own; it notes what it ran."""

import contextlib
import multiprocessing
import re
import socket
import struct
import threading
from pathlib import Path

from fake import AUTHENTICATION_OK, READY, error
from wire import frame, text

WELCOME = AUTHENTICATION_OK + READY
DONE = frame(b"C", text("COPY")) + READY
# What is told apart by the name of an object.
NUMBER = re.compile(rb"s3://b/([^']+)'")
REFUSED = re.compile(rb"rolegate_refused_\w+")


class Backend:
    """Listens until it is stopped; writes the number of each statement down before it is answered."""

    def __init__(self, path: Path):
        self.path = path
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.process = multiprocessing.Process(target=self.serve, daemon=True)
        self.process.start()

    def serve(self):
        lock = threading.Lock()
        with self.path.open("ab", buffering=0) as out:
            while True:
                connection, _peer = self.listener.accept()
                threading.Thread(target=self.session, args=(connection, out, lock), daemon=True).start()

    def session(self, connection, out, lock):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(WELCOME)
            buffer = b""
            while data := connection.recv(65536):
                buffer += data
                answers = []
                while len(buffer) >= 5 and len(buffer) > (length := struct.unpack("!i", buffer[1:5])[0]):
                    message, buffer = buffer[: length + 1], buffer[length + 1 :]
                    if message[:1] == b"Q":
                        answers.append(self.run(message, out, lock))
                if answers:
                    connection.sendall(b"".join(answers))

    def run(self, message, out, lock) -> bytes:
        # What stands in the place of a refused text is no SQL, and the error has to quote it.
        if refused := REFUSED.search(message):
            return error(message=f'syntax error at or near "{refused[0].decode()}"') + READY
        if number := NUMBER.search(message):
            with lock:
                out.write(number[1] + b"\n")
        return DONE

    def received(self) -> set[str]:
        return set(self.path.read_text().split())

    def stop(self):
        self.process.terminate()
        self.process.join()
        self.listener.close()
