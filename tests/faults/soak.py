"""A soak: mixed traffic, floods, reloads and faults for a long time. Memory and descriptors stay where they were, a quiet session is
not kept waiting, and there are as many reloads as files that changed."""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from checks import Bench, descriptors, resident_kib
from crowd import SEED, Crowd
from servers import Postgres, pg_folder, wait_for
from wire import Wire, query

CLIENTS = 6
SAMPLE_SECONDS = 2
RELOAD_SECONDS = 5
# What the allocator may keep more at the end than at the start.
MAX_GROWTH = 1.10
# What all sessions of the soak together may hold for a moment: above the first quarter's mean.
MAX_PEAK_KIB = 96 * 1024
# What a session that does little may wait for an answer, in one case of a hundred; the clients here share one interpreter.
MAX_WAIT_SECONDS = 0.5


class Soak(Crowd):
    """Clients of all kinds until the time is over."""

    def __init__(self, bench: Bench, seconds: float):
        super().__init__(bench)
        self.began = time.monotonic()
        self.end = self.began + seconds
        self.waits = []

    def going(self) -> bool:
        return time.monotonic() < self.end

    def client(self, number: int):
        rng = random.Random(f"{SEED}-{number}")
        while self.going():
            self.any(rng)

    def flood(self):
        rng = random.Random(f"{SEED}-hostile")
        while self.going():
            self.hostile(rng)

    def quiet(self):
        """Asks a little every now and then, and notes how long the answer took."""
        with Wire(self.bench.gate.port, timeout=60) as wire:
            wire.login()
            while self.going():
                began = time.monotonic()
                wire.send(query("select 1"))
                wire.until_ready()
                self.waits.append(time.monotonic() - began)
                time.sleep(0.05)

    def operate(self):
        """Reloads, every third of them of a broken file; touches files; and ends the connections that went silent."""
        turn = 0
        while self.going():
            time.sleep(min(RELOAD_SECONDS, max(0.0, self.end - time.monotonic())))
            turn += 1
            self.bench.reload(broken=turn % 3 == 0)
            try:
                wait_for("the reload", lambda: self.bench.reloads() == self.bench.written)
            except AssertionError as error:
                self.failed(f"{self.bench.reloads()} reloads for {self.bench.written}", error)
            if turn % 3:
                self.bench.leave_as_it_is()
            self.bench.proxy.heal()

    def run(self) -> list[int]:
        """Runs to the end and returns the samples of resident memory."""
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        threads += [threading.Thread(target=act) for act in (self.operate, self.flood, self.quiet)]
        for thread in threads:
            thread.start()
        samples, said = [], time.monotonic()
        while self.going():
            time.sleep(SAMPLE_SECONDS)
            samples.append(resident_kib(self.bench.pid))
            if time.monotonic() - said > 60:
                said = time.monotonic()
                print(f"{said - self.began:.0f} s: {dict(self.counts)}, {samples[-1]} KiB, {descriptors(self.bench.pid)} descriptors", flush=True)
        self.bench.heal_until(lambda: not any(thread.is_alive() for thread in threads))
        return samples


def report(soak: Soak, samples: list[int], before: int) -> bool:
    """Prints what happened; whether everything holds."""
    bench = soak.bench
    quarter = max(1, len(samples) // 4)
    first, last = (sum(part) / len(part) for part in (samples[:quarter], samples[-quarter:]))
    injected = sum(bench.proxy.injected.values()) + soak.counts["vanished_clients"]
    print(f"sessions {soak.counts['sessions']}, statements {soak.counts['statements']}, floods {soak.counts['floods']}")
    print(f"reloads {bench.reloads()}, files that changed {bench.written}")
    print(f"faults {injected}: {dict(sorted(bench.proxy.injected.items()))}, clients vanished {soak.counts['vanished_clients']}")
    print(f"errors {sum(soak.errors.values())}")
    for what, count in soak.errors.most_common(10):
        print(f"  {count} x {what}")
    print(f"resident memory: first quarter {first:.0f} KiB, last quarter {last:.0f} KiB ({last / first - 1:+.1%}), limit {MAX_GROWTH - 1:+.0%}")
    peak = max(samples) - first
    print(f"at its peak {peak:+.0f} KiB, limit {MAX_PEAK_KIB:+} KiB")
    wait = sorted(soak.waits)[len(soak.waits) * 99 // 100]
    print(f"a quiet session waited {wait * 1000:.0f} ms in one case of a hundred, limit {MAX_WAIT_SECONDS * 1000:.0f} ms")
    between = max(1, soak.counts["sessions"] * 3 // 4)
    print(f"that is {(last - first) * 1024 / between:+.0f} bytes a session; {first * (MAX_GROWTH - 1) * 1024 / between:.0f} would be too much")
    faults = bench.faults(before)
    print(f"descriptors: {before} at the start, {descriptors(bench.pid)} at the end; connections to the server left {bench.proxy.open()}")
    for fault in faults:
        print(f"  {fault}")
    holds = [
        not soak.errors,
        not faults,
        all(bench.written.values()) and bench.reloads() == bench.written,
        last <= first * MAX_GROWTH,
        peak <= MAX_PEAK_KIB,
        wait <= MAX_WAIT_SECONDS,
    ]
    return all(holds)


def main() -> int:
    minutes = float(os.environ.get("SOAK_MINUTES", "20"))
    server = Postgres(pg_folder())
    with tempfile.TemporaryDirectory(prefix="rolegate-soak-") as folder:
        bench = Bench(Path(folder), server.port)
        try:
            bench.warm_up()
            before = bench.settled_descriptors()
            soak = Soak(bench, minutes * 60)
            holds = report(soak, soak.run(), before)
        finally:
            bench.stop()
            server.stop()
    print("soak holds" if holds else f"soak does not hold (FAULT_SEED={SEED})")
    return 0 if holds else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(1))
    sys.exit(main())
