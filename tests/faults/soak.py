"""A soak: mixed traffic, refusals, reloads and faults for a long time, and whether memory and descriptors stay where they were."""

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
from servers import Postgres, pg_folder

CLIENTS = 6
SAMPLE_SECONDS = 2
RELOAD_SECONDS = 5
# What the allocator may keep more at the end than at the start.
MAX_GROWTH = 1.10


class Soak(Crowd):
    """Clients of all kinds until the time is over."""

    def __init__(self, bench: Bench, seconds: float):
        super().__init__(bench)
        self.began = time.monotonic()
        self.end = self.began + seconds

    def going(self) -> bool:
        return time.monotonic() < self.end

    def client(self, number: int):
        rng = random.Random(f"{SEED}-{number}")
        while self.going():
            self.any(rng)

    def operate(self):
        """Reloads, every third of them of a broken file; and ends the connections that went silent."""
        turn = 0
        while self.going():
            time.sleep(min(RELOAD_SECONDS, max(0.0, self.end - time.monotonic())))
            turn += 1
            self.bench.reload(broken=turn % 3 == 0)
            self.bench.proxy.heal()

    def run(self) -> list[int]:
        """Runs to the end and returns the samples of resident memory."""
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        threads.append(threading.Thread(target=self.operate))
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
    print(f"sessions {soak.counts['sessions']}, statements {soak.counts['statements']}, reloads {bench.reloads()}")
    print(f"faults {injected}: {dict(sorted(bench.proxy.injected.items()))}, clients vanished {soak.counts['vanished_clients']}")
    print(f"errors {sum(soak.errors.values())}")
    for what, count in soak.errors.most_common(10):
        print(f"  {count} x {what}")
    print(f"resident memory: first quarter {first:.0f} KiB, last quarter {last:.0f} KiB ({last / first - 1:+.1%}), limit {MAX_GROWTH - 1:+.0%}")
    between = max(1, soak.counts["sessions"] * 3 // 4)
    print(f"that is {(last - first) * 1024 / between:+.0f} bytes a session; {first * (MAX_GROWTH - 1) * 1024 / between:.0f} would be too much")
    faults = bench.faults(before)
    print(f"descriptors: {before} at the start, {descriptors(bench.pid)} at the end; connections to the server left {bench.proxy.open()}")
    for fault in faults:
        print(f"  {fault}")
    return not soak.errors and all(bench.reloads().values()) and last <= first * MAX_GROWTH and not faults


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
