"""Clients as the harness needs them: some that nothing may happen to, some whose connection breaks, some that vanish."""

import collections
import contextlib
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

from checks import Bench
from hostile import CONNECTIONS, FLOODS
from proxy import FAULTS, Plan
from traffic import ACTIVITIES, STATES, vanish
from wire import Wire

SEED = int(os.environ.get("FAULT_SEED", "1"))

# A fault strikes within so many bytes: in the start-up, soon after it, or deep in the traffic.
REACHES = (20, 400, 4_000, 40_000)

AT_ONCE = 8


class Crowd:
    """Counts what clients did and what went wrong, over all threads; every client has a random source of its own."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.errors = collections.Counter()

    def add(self, **counts):
        with self.lock:
            self.counts.update(counts)

    def failed(self, what: str, error: Exception):
        with self.lock:
            self.errors[f"{what}: {type(error).__name__}: {error}"[:300]] += 1

    def undisturbed(self, rng: random.Random):
        """A session that nothing happens to: every answer must be right."""
        try:
            with Wire(self.bench.gate.port, timeout=30) as wire:
                if rng.random() < 0.3:
                    wire.starttls()
                wire.login()
                for _time in range(rng.randrange(1, 20)):
                    self.add(statements=rng.choice(ACTIVITIES)(wire, rng))
        except (AssertionError, OSError, EOFError) as error:
            self.failed("undisturbed", error)
        self.add(sessions=1)

    def disturbed(self, rng: random.Random, fault: str):
        """A session that breaks somewhere. What comes before must be right; one that is only made slow does not break."""
        plan = Plan(fault, rng.choice(("up", "down")), rng.randrange(rng.choice(REACHES)))
        try:
            with Wire(self.bench.gate.port, timeout=30 if fault == "slow" else rng.choice((0.3, 2))) as wire:
                if rng.random() < 0.3:
                    wire.starttls()
                if wire.login(application_name=plan.application_name())[-1].kind != "Z":
                    raise EOFError("not let in")
                for _time in range(10):
                    self.add(statements=rng.choice(ACTIVITIES)(wire, rng))
        except (OSError, EOFError) as error:
            if fault == "slow":
                self.failed(plan.application_name(), error)
            self.add(broken_sessions=1)
        except (AssertionError, ValueError, KeyError) as error:
            # Garbage that looks like a frame may reach the client, as it would without the gate.
            if fault != "garbage":
                self.failed(plan.application_name(), error)
            self.add(broken_sessions=1)
        self.add(sessions=1)

    def vanishing(self, rng: random.Random, state):
        try:
            vanish(state, self.bench.gate.port, rng)
        except (OSError, EOFError, AssertionError) as error:
            self.failed(f"vanishing {state.__name__}", error)
        self.add(sessions=1, vanished_clients=1)

    def hostile(self, rng: random.Random):
        """A session that floods the gate; what it must be answered, it is answered."""
        flood = rng.choice((*FLOODS, *CONNECTIONS))
        try:
            if flood in CONNECTIONS:
                flood(self.bench.gate.port, rng)
            else:
                with Wire(self.bench.gate.port, timeout=60) as wire:
                    wire.login()
                    self.add(statements=flood(wire, rng))
        except (AssertionError, OSError, EOFError) as error:
            self.failed(f"flood {flood.__name__}", error)
        self.add(sessions=1, floods=1)

    def any(self, rng: random.Random):
        """One of the three."""
        chance = rng.random()
        if chance < 0.5:
            self.undisturbed(rng)
        elif chance < 0.8:
            self.disturbed(rng, rng.choice(FAULTS))
        else:
            self.vanishing(rng, rng.choice(STATES))

    @contextlib.contextmanager
    def bystanders(self, count=2):
        """Undisturbed sessions, one after another, as long as the block runs."""
        over = threading.Event()

        def follow(number):
            rng = random.Random(f"{SEED}-bystander-{number}")
            while not over.is_set():
                self.undisturbed(rng)

        threads = [threading.Thread(target=follow, args=(number,), daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            self.bench.heal_until(lambda: not any(thread.is_alive() for thread in threads))

    def at_once(self, name: str, count: int, act):
        """`act(rng)` so many times, several at a time; silent connections are ended when a client waits for them."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(act, random.Random(f"{SEED}-{name}-{number}")) for number in range(count)]
            for future in running:
                self.bench.heal_until(future.done)
                future.result()
