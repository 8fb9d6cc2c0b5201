"""The bench on which faults are injected, a gate between a fault proxy and its clients, and what must hold on it afterwards."""

import os
import re
import shutil
import signal
import time
from pathlib import Path

from authority import Authority
from proxy import FaultProxy
from servers import Gate, wait_for
from wire import Wire, query

# A session that the gate alone must end is over by then: start-up is bounded by 4 s.
LIMIT_SECONDS = 15

LIMITS = "limits = { startup_timeout = \"4s\" }\n"

RULES = '@id("all") permit (principal, action, resource);\n'


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1])


def total(metrics: str, name: str) -> float:
    """The sum of a counter over all its labels."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith((name + "{", name + " ")))


class Bench:
    """PostgreSQL, fault proxy, gate with TLS for its clients."""

    def __init__(self, folder: Path, upstream: int, **options):
        self.folder = folder
        self.proxy = FaultProxy(upstream)
        folder.mkdir(parents=True, exist_ok=True)
        self.rules = folder / "rules.cedar"
        self.rules.write_text(RULES)
        # Files that were written with another content than before: so many reloads there must be.
        self.written = {"applied": 0, "refused": 0}
        tls = Authority(folder / "tls").gate_tls()
        extra = f'[policy]\nrules = ["{self.rules}"]\n'
        self.gate = Gate(folder / "gate", self.proxy.port, extra=extra, gate_extra=LIMITS + tls, **options)
        self.pid = self.gate.process.process.pid

    def warm_up(self):
        """Some sessions, so that what is opened once is open."""
        for _time in range(5):
            with Wire(self.gate.port) as wire:
                wire.login()
                wire.send(query("select 1"))
                wire.until_ready()
        self.wait_for_silence()

    def wait_for_silence(self, sessions=0):
        """Waits until so many sessions and connections are left; those to a server that went silent are ended."""

        def quiet():
            self.proxy.heal()
            return self.open_sessions() == sessions and self.proxy.open() == sessions

        wait_for(f"the gate to be left with {sessions} sessions", quiet, LIMIT_SECONDS)

    def settled_descriptors(self) -> int:
        """How many descriptors the gate has when nothing goes on."""
        seen = [descriptors(self.pid)]
        while len(seen) < 5 or len(set(seen[-5:])) > 1:
            time.sleep(0.1)
            seen.append(descriptors(self.pid))
        return seen[-1]

    def open_sessions(self) -> int:
        metrics = self.gate.metrics()
        return int(total(metrics, "rolegate_sessions_opened_total") - total(metrics, "rolegate_sessions_closed_total"))

    def heal_until(self, condition):
        """Ends silent connections every second until `condition()`: some clients have left before, the others get on then."""
        end, healed = time.monotonic() + 2 * LIMIT_SECONDS, time.monotonic()
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
            if time.monotonic() - healed > 1:
                healed = time.monotonic()
                self.proxy.heal()
        assert condition(), "clients hang"

    def reload(self, *, broken=False):
        """Another set of rules takes effect, or one that does not load is refused."""
        number = time.monotonic_ns()
        fresh = RULES + f'@id("r{number}") forbid (principal, action, resource) when {{ principal == Rolegate::User::"u{number}" }};\n'
        temporary = self.rules.with_suffix(".new")
        temporary.write_text("permit (" if broken else fresh)
        temporary.rename(self.rules)
        self.written["refused" if broken else "applied"] += 1
        self.gate.process.send(signal.SIGHUP)

    def leave_as_it_is(self):
        """What is done to files that do not change: they are read, touched, and replaced by their like. None of it is a reload."""
        for path in (self.rules, self.gate.config):
            path.touch()
            temporary = path.with_suffix(".same")
            temporary.write_text(path.read_text())
            temporary.rename(path)
        self.gate.process.send(signal.SIGHUP)

    def reloads(self) -> dict[str, int]:
        """How many took effect, and how many were refused."""
        metrics = self.gate.metrics()
        count = lambda result: int(re.search(rf'rolegate_reloads_total{{result="{result}",what="config"}} (\d+)', metrics)[1])  # noqa: E731
        return {result: count(result) for result in ("applied", "refused")}

    def faults(self, descriptors_before: int, sessions=0) -> list[str]:
        """What does not hold; nothing when everything does."""
        output = self.gate.process.output()
        if self.gate.process.process.poll() is not None:
            return [f"the gate ended with status {self.gate.process.process.returncode}:\n{output[-2000:]}"]
        found = []
        for check in (lambda: self.wait_for_silence(sessions), lambda: self.wait_for_descriptors(descriptors_before)):
            try:
                check()
            except AssertionError as error:
                found.append(f"{error}: {self.open_sessions()} sessions, {self.proxy.open()} connections, {descriptors(self.pid)} descriptors")
        found += [line for line in output.splitlines() if "panicked" in line or "a session failed" in line]
        # Two writes in quick succession may be seen as one; a reload without a write is one too many.
        if any(count > self.written[result] for result, count in self.reloads().items()):
            found.append(f"reloads {self.reloads()} for {self.written} files that changed")
        return found + [f"forwarded: {data[:200]!r}" for data in self.proxy.seen]

    def wait_for_descriptors(self, before: int):
        wait_for(f"{before} descriptors", lambda: descriptors(self.pid) <= before, LIMIT_SECONDS)

    def stop(self):
        try:
            status = self.gate.stop()
            assert status == 0, f"the gate ended with status {status}:\n{self.gate.process.output()[-2000:]}"
        finally:
            self.proxy.stop()
            shutil.rmtree(self.folder / "tls", ignore_errors=True)
