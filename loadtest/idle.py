"""Many idle sessions at once: what one costs the gate in resident memory, and how fast new ones are let in beside them."""

import argparse
import os
import re
import resource
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from authority import Authority
from servers import Gate, Process, free_port
from wire import SSL_REQUEST, Wire, query

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Two sockets in the gate for a session; a socket and a database file in the stand-in.
DESCRIPTORS_PER_SESSION = 2
NEW_SESSIONS = 300
MAX_MILLISECONDS = 50

# Made once: reading the system's authorities takes longer than a session's start.
CLIENT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CLIENT.check_hostname = False
CLIENT.verify_mode = ssl.CERT_NONE


def resident_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def allow_descriptors(sessions: int):
    """Raises the soft limit, which the servers inherit."""
    wanted = DESCRIPTORS_PER_SESSION * (sessions + NEW_SESSIONS) + 200
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        sys.exit(f"{sessions} sessions need {wanted} descriptors in one process and the hard limit is {hard}: raise it (ulimit -Hn) or take fewer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def open_session(port: int, tls: bool) -> Wire:
    wire = Wire(port, timeout=60)
    if tls:
        wire.send(SSL_REQUEST)
        assert wire.exactly(1) == b"S"
        wire.sock = CLIENT.wrap_socket(wire.sock)
    last = wire.login("etl", "dev")[-1]
    assert last.kind == "Z", last.fields()
    return wire


def is_alive(wire: Wire) -> bool:
    """An empty statement is answered. One that is not empty would make the stand-in open another file for each session."""
    wire.send(query(""))
    return "".join(message.kind for message in wire.until_ready()) == "IZ"


def new_sessions(port: int, tls: bool) -> list[float]:
    """Milliseconds from connect to ReadyForQuery, in order of size."""
    took = []
    for _time in range(NEW_SESSIONS):
        began = time.perf_counter()
        wire = open_session(port, tls)
        took.append((time.perf_counter() - began) * 1000)
        wire.sock.close()
    return sorted(took)


def show(what: str, took: list[float]):
    print(f"{what}: median {statistics.median(took):.1f} ms, 99th percentile {took[int(len(took) * 0.99)]:.1f} ms, longest {took[-1]:.1f} ms")


def measure(gate: Gate, standin_port: int, sessions: int, tls: bool) -> bool:
    """Prints the figures; whether new sessions were let in within the target."""
    pid = gate.process.process.pid
    # What is made once is made before the first measure.
    for _time in range(20):
        open_session(gate.port, tls).sock.close()
    show("new sessions before, through the gate", new_sessions(gate.port, tls))
    before, began = resident_kib(pid), time.monotonic()
    held = [open_session(gate.port, tls) for _session in range(sessions)]
    print(f"{len(held)} sessions opened in {time.monotonic() - began:.0f} s")
    idle = resident_kib(pid)
    print(f"resident memory: {before} KiB before, {idle} KiB with them, {(idle - before) / len(held):.1f} KiB a session")
    show("new sessions beside them, to the stand-in alone", new_sessions(standin_port, False))
    beside = new_sessions(gate.port, tls)
    show("new sessions beside them, through the gate", beside)
    # Every one is still there and works, the oldest too.
    answered = sum(is_alive(wire) for wire in held)
    print(f"{answered} of the {len(held)} have answered an empty statement; resident memory then {resident_kib(pid)} KiB")
    for wire in held:
        wire.sock.close()
    return answered == len(held) and beside[int(len(beside) * 0.99)] < MAX_MILLISECONDS


def run(folder: Path, settings, tls: bool) -> bool:
    """Starts the stand-in and a gate in front of it, measures, and ends both."""
    port = free_port()
    folder.mkdir()
    command = [settings.standin, "--listen", f"127.0.0.1:{port}", "--data", folder / "standin"]
    standin = Process(command, folder / "standin.log")
    try:
        standin.wait_listening(port)
        encryption = Authority(folder / "tls").gate_tls() if tls else ""
        limits = f"limits = {{ max_sessions = {settings.sessions + 2 * NEW_SESSIONS} }}\n"
        gate = Gate(folder / "gate", port, gate_extra=limits + encryption, dialect="redshift", program=settings.gate)
        try:
            print(f"TLS between clients and gate {'on' if tls else 'off'}")
            return measure(gate, port, settings.sessions, tls)
        finally:
            gate.stop()
    finally:
        standin.process.kill()
        standin.process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=8000, help="idle sessions (8000)")
    parser.add_argument("--tls", choices=["off", "on", "both"], default="both", help="TLS between clients and gate (both, one after the other)")
    parser.add_argument("--gate", type=Path, default=TARGET / "dist" / "rolegate", help="the gate's program")
    parser.add_argument("--standin", type=Path, default=TARGET / "release" / "standin", help="the stand-in's program")
    settings = parser.parse_args()
    for program in (settings.gate, settings.standin):
        if not program.exists():
            parser.error(f"there is no {program}: run make idle, or name it with --gate or --standin")
    allow_descriptors(settings.sessions)
    holds = []
    with tempfile.TemporaryDirectory(prefix="rolegate-idle-") as folder:
        for tls in {"off": [False], "on": [True], "both": [False, True]}[settings.tls]:
            holds.append(run(Path(folder) / f"tls-{tls}", settings, tls))
            print(f"{'holds' if holds[-1] else 'DOES NOT HOLD'}: all are alive, and 99 % of new sessions are let in within {MAX_MILLISECONDS} ms\n")
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
