"""Faults on both legs of the gate, at points that FAULT_SEED alone decides: nothing hangs, leaks, or passes unjudged, and nobody else
is harmed. FAULT_ROUNDS says how much of it; `make faults` takes more rounds."""

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from authority import Authority, encrypted_postgres
from servers import BIN, Gate, wait_for

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from checks import LIMIT_SECONDS, LIMITS, Bench, descriptors, total
from crowd import AT_ONCE, SEED, Crowd
from proxy import FAULTS, Plan
from traffic import STATES, close, expect, extended, kinds, logged_in, refusal, reset, simple
from wire import Wire, query

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))


@pytest.fixture
def bench(postgres, tmp_path):
    made = Bench(tmp_path, postgres.port)
    made.warm_up()
    yield made
    made.stop()


def check(bench: Bench, crowd: Crowd, before: int):
    found = [*crowd.errors, *bench.faults(before)]
    print(f"{dict(crowd.counts)}, injected {bench.proxy.injected}")
    assert not found, f"FAULT_SEED={SEED} FAULT_ROUNDS={ROUNDS}:\n" + "\n".join(found)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_with_faults(bench, fault):
    crowd, before = Crowd(bench), bench.settled_descriptors()
    with crowd.bystanders():
        crowd.at_once(fault, 24 * ROUNDS, lambda rng: crowd.disturbed(rng, fault))
    assert bench.proxy.injected[fault] > 12 * ROUNDS, "the fault did not strike often enough to show anything"
    check(bench, crowd, before)


def through_tls(bench: Bench, rng):
    """A session over a server's TLS that breaks somewhere, in the handshake too; whether it got as far as an answer."""
    try:
        with Wire(bench.gate.port, timeout=rng.choice((0.3, 6))) as wire:
            last = wire.login()[-1]
            for _time in range(5 if last.kind == "Z" else 0):
                rng.choice((simple, refusal, extended))(wire, rng)
            assert last.kind == "Z" or last.fields()["C"] in ("08006", "57014"), last.fields()
    except (OSError, EOFError):
        pass


def test_a_tls_server_with_faults(tmp_path):
    """Every fault, in the handshake and behind it. Nothing of it can be taken for an answer, garbage least of all."""
    authority = Authority(tmp_path / "authority")
    server = encrypted_postgres(authority)
    tls = f'tls = "verify-full"\nca = "{authority.certificate}"\nserver_name = "db.example"'
    bench = Bench(tmp_path, server.port, tls=tls)
    try:
        bench.warm_up()
        crowd, before, rng = Crowd(bench), bench.settled_descriptors(), random.Random(f"{SEED}-tls")
        reaches = (8, 1_500, 6_000, 60_000)
        plans = [Plan(fault, rng.choice(("up", "down")), rng.randrange(rng.choice(reaches))) for fault in FAULTS * 8 * ROUNDS]
        bench.proxy.plans = list(plans)
        crowd.at_once("tls", len(plans), lambda rng: through_tls(bench, rng))
        assert not bench.proxy.plans and min(bench.proxy.injected[fault] for fault in FAULTS) > 2 * ROUNDS, bench.proxy.injected
        crowd.at_once("afterwards", 4, crowd.undisturbed)
        check(bench, crowd, before)
    finally:
        bench.stop()
        server.stop()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_client_vanishes(bench, state):
    crowd, before = Crowd(bench), bench.settled_descriptors()
    with crowd.bystanders():
        crowd.at_once(state.__name__, 24 * ROUNDS, lambda rng: crowd.vanishing(rng, state))
    assert crowd.counts["vanished_clients"] == 24 * ROUNDS
    check(bench, crowd, before)


@pytest.mark.parametrize("leave", [close, reset], ids=["fin", "rst"])
def test_the_gate_does_not_wait_for_a_silent_server_when_its_client_has_left(bench, leave):
    """The silence is not ended here: what is left must go by the gate's own limits."""
    before = bench.settled_descriptors()
    idle, copying = logged_in(bench.gate.port), logged_in(bench.gate.port)
    copying.send(query("create temp table gone (t text); copy gone from stdin"))
    while copying.message().kind != "G":
        pass
    bench.proxy.silence()
    for wire in (idle, copying) if leave is reset else (idle,):
        leave(wire.sock)
    left = 0 if leave is reset else 1
    wait_for("the gate to let go", lambda: bench.open_sessions() == left, LIMIT_SECONDS)
    if left:
        # A statement is running for all the gate knows, and its client may only have ended its input.
        close(copying.sock)
        time.sleep(1)
        bench.proxy.heal()
        wait_for("the gate to let go", lambda: bench.open_sessions() == 0, LIMIT_SECONDS)
    bench.wait_for_descriptors(before)
    bench.proxy.heal()
    check(bench, Crowd(bench), before)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_server_that_goes_silent_in_the_start_up_is_not_waited_for(bench, direction):
    before, began = bench.settled_descriptors(), time.monotonic()
    with Wire(bench.gate.port, timeout=LIMIT_SECONDS) as wire:
        last = wire.login(application_name=Plan("silent", direction, 0).application_name())[-1]
        assert (last.kind, last.fields()["C"]) == ("E", "57014")
        assert 3.5 < time.monotonic() - began < 9, "startup_timeout is 4 s"
        assert wire.sock.recv(1) == b""
    wait_for("the gate to let go", lambda: bench.open_sessions() == 0, LIMIT_SECONDS)
    bench.wait_for_descriptors(before)
    check(bench, Crowd(bench), before)


def test_a_server_that_is_silent_in_the_tls_handshake_is_not_waited_for(start):
    """The time for the start-up bounds connecting too: connect_timeout is 10 s here."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gate = start(silent.getsockname()[1], gate_extra=LIMITS, tls='tls = "require"')
        began = time.monotonic()
        with Wire(gate.port, timeout=LIMIT_SECONDS) as wire:
            assert wire.login()[-1].fields()["C"] == "08006"
        assert 3.5 < time.monotonic() - began < 9, "startup_timeout is 4 s"


def test_descriptors_run_out(bench):
    """Sessions that are there go on, connections wait or are told; afterwards everything is as before."""
    crowd, before = Crowd(bench), bench.settled_descriptors()
    residents = [logged_in(bench.gate.port) for _session in range(3)]
    _soft, hard = resource.prlimit(bench.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(bench.pid, resource.RLIMIT_NOFILE, (descriptors(bench.pid) + 9, hard))
    waiting, outcomes = [Wire(bench.gate.port, timeout=2) for _connection in range(30)], []

    def come_in(wire):
        try:
            outcomes.append(wire.login()[-1].kind)
        except (OSError, EOFError):
            outcomes.append("-")

    threads = [threading.Thread(target=come_in, args=(wire,)) for wire in waiting]
    for thread in threads:
        thread.start()
    bench.reload()
    # There may be no descriptor left to open the file with.
    bench.written["refused"] += 1
    for number, resident in enumerate(residents * 10):
        refusal(resident, None)
        resident.send(query(f"select {number}"))
        expect(kinds(resident.until_ready()), "TDCZ", "a resident session")
    for thread in threads:
        thread.join()
    assert "Z" in outcomes and set(outcomes) & {"-", "E"}, f"the limit was not reached: {outcomes}"
    assert "cannot accept a connection" in bench.gate.process.output()
    resource.prlimit(bench.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for wire in (*waiting, *residents):
        wire.sock.close()
    bench.wait_for_silence()
    crowd.at_once("afterwards", AT_ONCE, crowd.undisturbed)
    check(bench, crowd, before)


def lost_records(gate: Gate) -> float:
    return total(gate.metrics(), "rolegate_audit_dropped_total")


def test_the_disk_of_the_audit_is_full(bench):
    """Verdicts stay the same, what is lost is counted, and the log says so once; with room again, records are written again."""
    crowd, before, audit = Crowd(bench), bench.settled_descriptors(), bench.gate.audit
    audit.unlink(missing_ok=True)
    audit.symlink_to("/dev/full")
    bench.gate.process.send(signal.SIGHUP)
    with logged_in(bench.gate.port) as wire:

        def is_lost():
            refusal(wire, None)
            return lost_records(bench.gate) > 0

        wait_for("a record to be lost", is_lost)
        lost = lost_records(bench.gate)
        crowd.at_once("full", 8 * ROUNDS, crowd.undisturbed)
        wait_for("the loss to be counted", lambda: lost_records(bench.gate) > lost)
        assert bench.gate.process.output().count("the audit cannot be written") == 1
        audit.unlink()
        bench.gate.process.send(signal.SIGHUP)
        wait_for("the new file", audit.exists)
        refusal(wire, None)
        wait_for("a record", lambda: audit.read_text().endswith("}\n"))
    check(bench, crowd, before)


def test_the_disk_of_the_audit_gets_full_within_a_record(postgres, start, tmp_path):
    """What was written of it stays alone on its line. A limit on the size of files plays the disk: half a record fits."""
    program = tmp_path / "rolegate"
    program.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec '{BIN / 'rolegate'}' \"$@\"\n")
    program.chmod(0o755)
    gate = start(postgres.port, program=program)
    pid = gate.process.process.pid
    with logged_in(gate.port) as wire:
        for _time in range(20):
            refusal(wire, None)
        wait_for("the records", lambda: len(gate.verdicts()) == 20)
        full = gate.audit.stat().st_size + 100
        _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, hard))
        refusal(wire, None)
        wait_for("a record to be lost", lambda: lost_records(gate) == 1)
        assert gate.audit.stat().st_size == full
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        refusal(wire, None)
        wait_for("a record", lambda: gate.audit.read_text().count("\n") == 25)
    lines = gate.audit.read_text().splitlines()
    events = [json.loads(line)["event"] for number, line in enumerate(lines) if number != 22]
    assert events == ["start", "login", *["verdict"] * 20, "gap", "verdict"]
    verified = subprocess.run([BIN / "rolegate", "audit", "verify", gate.audit], capture_output=True, check=False)
    assert verified.returncode == 0, verified.stdout


def test_reloads_in_a_storm_of_statements(bench):
    """Good and broken rules in turn; no statement is refused or let through that should not be."""
    crowd, before = Crowd(bench), bench.settled_descriptors()
    over = threading.Event()

    def reload():
        for turn in range(1, 10_000):
            if over.wait(0.02):
                return
            bench.reload(broken=turn % 3 == 0)

    thread = threading.Thread(target=reload, daemon=True)
    thread.start()
    for _storm in range(10):
        crowd.at_once("storm", 40 * ROUNDS, crowd.undisturbed)
        if min(bench.reloads().values()) > 5:
            break
    over.set()
    thread.join()
    counts = bench.reloads()
    assert min(counts.values()) > 5, f"too few reloads to show anything: {counts}"
    check(bench, crowd, before)
