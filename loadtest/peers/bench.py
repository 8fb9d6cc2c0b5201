"""Measures the gate beside PgBouncer and HAProxy: the same run, the same PostgreSQL, one worker thread each, in turn, round after
round in rotating order. Prints a table of ratios with their spread; --json keeps every figure."""

import argparse
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import measures
import proxies
import report

sys.path.insert(0, str(proxies.ROOT / "tests" / "e2e"))
from servers import pg_folder  # noqa: E402

# Each case: what is measured. `fresh`: of a proxy that has served nothing yet.
CASES = {
    "simple-1": partial(measures.transactions, mode="simple", clients=1),
    "simple-16": partial(measures.transactions, mode="simple", clients=16),
    "prepared-1": partial(measures.transactions, mode="prepared", clients=1),
    "prepared-16": partial(measures.transactions, mode="prepared", clients=16),
    "latency": measures.latency,
    "connect": measures.connects,
    "rows": measures.rows,
    "memory": measures.memory,
}
FRESH = {"memory"}
ROWS = 1_000_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 seconds, to see a change at once")
    parser.add_argument("--rounds", type=int, help="rounds (5; with --quick 2)")
    parser.add_argument("--seconds", type=float, help="seconds of each measurement (5; with --quick 2)")
    parser.add_argument("--idle", type=int, help="idle sessions of the memory case (1000; with --quick 300)")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), help="cases to run")
    parser.add_argument("--proxies", nargs="+", choices=["pgbouncer", "haproxy"], default=["pgbouncer", "haproxy"], help="peers to run")
    parser.add_argument("--tls", choices=["off", "on", "both"], default="both", help="TLS on both legs of each proxy")
    parser.add_argument("--gate", type=Path, default=proxies.ROOT / "target" / "dist" / "rolegate", help="the gate's program")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (2 if chosen.quick else 5)
    chosen.idle = min(chosen.idle or (300 if chosen.quick else 1000), proxies.IDLE_LIMIT - 100)
    if not chosen.gate.exists():
        parser.error(f"there is no gate at {chosen.gate}: run make dist, or name it with --gate")
    return chosen


def starters(chosen: argparse.Namespace, folder: Path, port: int, tls: bool, case: str | None = None) -> dict:
    """How to start each proxy, by name."""
    start = {"rolegate": partial(proxies.rolegate, folder, port, tls, chosen.gate.resolve())}
    if "pgbouncer" in chosen.proxies:
        start["pgbouncer"] = partial(proxies.pgbouncer, folder, port, tls)
        if case == "connect":
            start["pgbouncer-unpooled"] = partial(proxies.pgbouncer, folder, port, tls, "pgbouncer-unpooled", True)
    if "haproxy" in chosen.proxies:
        start["haproxy"] = partial(proxies.haproxy, folder, port, tls)
    if case in ("latency", None):
        start["direct"] = partial(proxies.Direct, port)
    return start


def one_case(chosen, folder, port, tls, case, at, settings) -> list[dict]:
    """Runs one case of one round: every proxy in turn, another one first each round."""
    start = starters(chosen, folder, port, tls, case)
    names = list(start)
    turn = at % len(names)
    results = []
    for name in names[turn:] + names[:turn]:
        proxy = start[name]()
        try:
            if case not in FRESH:
                measures.pgbench(proxy, tls, "-c", "4", "-t", "200")
            figures = CASES[case](proxy, tls, settings)
        finally:
            proxy.stop()
        if proxy.cpu_only:
            figures = {key: value for key, value in figures.items() if key.startswith(("cpu", "kib"))}
        results.append({"round": at, "case": case, "tls": tls, "proxy": name, "figures": figures})
        print(f"round {at + 1} {case:<12} {'tls' if tls else '   '} {name:<19} " + "  ".join(f"{k}={v:.2f}" for k, v in figures.items()), file=sys.stderr, flush=True)
    return results


def saturation(chosen, folder, port, tls) -> float:
    """Half of what the slowest proxy reaches with 16 clients: the rate at which all are compared in latency."""
    slowest = float("inf")
    for start in starters(chosen, folder, port, tls, "latency").values():
        proxy = start()
        try:
            slowest = min(slowest, measures.pgbench(proxy, tls, "-c", "16", "-T", "2")[1])
        finally:
            proxy.stop()
    return slowest / 2


def run(chosen: argparse.Namespace, folder: Path) -> dict:
    proxies.certificate(folder)
    database = proxies.Database(folder, ROWS)
    results, rates = [], {}
    try:
        legs = {"off": [False], "on": [True], "both": [False, True]}[chosen.tls]
        settings = measures.Settings(chosen.seconds, chosen.idle, 2 if chosen.quick else 4, folder)
        for tls in legs:
            if "latency" in chosen.cases:
                settings.rate = rates["tls" if tls else "plain"] = saturation(chosen, folder, database.port, tls)
            for at in range(chosen.rounds):
                for case in chosen.cases:
                    results += one_case(chosen, folder, database.port, tls, case, at, settings)
    finally:
        database.stop()
    report.add_latency(results)
    return {"versions": proxies.versions(chosen.gate), "seconds": chosen.seconds, "latency_rates": rates, "results": results}


def main():
    chosen = arguments()
    proxies.install()
    folder = pg_folder()
    began = time.monotonic()
    try:
        outcome = run(chosen, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(f"{name}: {version}" for name, version in outcome["versions"].items()))
    print(f"{chosen.rounds} rounds of {chosen.seconds} s, {time.monotonic() - began:.0f} s in all; one worker thread each")
    for leg, rate in outcome["latency_rates"].items():
        print(f"latency measured at {rate:.0f} transactions/s ({leg})")
    print(report.table(outcome["results"]))
    if chosen.json:
        chosen.json.write_text(json.dumps({**outcome, "summary": report.summary(outcome["results"])}, indent=1))


if __name__ == "__main__":
    main()
