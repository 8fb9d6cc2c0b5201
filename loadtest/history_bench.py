"""Measures how fast a recorded history is read, judged under a policy and grouped, beside parsers that merely parse the same texts.

Everything uses so many threads or processes as --cores says: `rolegate replay` on JSON lines of statements of about 300 bytes, one in
a hundred with a role; sqlparser (threads), libpg_query through pglast (processes, without a tree of Python objects) and sqlglot (processes) on
the first of the same texts. Peak memory is measured for a quarter of the history and for all of it.

usage: history_bench.py [--statements N] [--peers N] [--cores N] [--program PATH] [--parser PATH]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import pglast.parser
import sqlglot
from company import Company

TARGET = Path(__file__).resolve().parents[1] / "target"
WANTED_RATE, WANTED_RATIO = 1_000_000, 20


def replay(program: Path, config: Path, history: Path, cores: int) -> tuple[float, float, dict]:
    """Seconds, megabytes at the peak, and the summary."""
    began = time.monotonic()
    out = history.with_suffix(".out")
    with out.open("wb") as stdout:
        arguments = [str(program), "replay", "--config", str(config), "--threads", str(cores), "--format", "json", str(history)]
        child = os.posix_spawn(program, arguments, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, stdout.fileno(), 1)])
        _, status, usage = os.wait4(child, 0)
    took = time.monotonic() - began
    if os.waitstatus_to_exitcode(status) != 1:
        raise SystemExit("replay should have refused something")
    return took, usage.ru_maxrss / 1024, json.loads(out.read_text())["summary"]


def with_libpg_query(texts: list[str]) -> int:
    failed = 0
    for text in texts:
        try:
            pglast.parser.parse_sql_protobuf(text)
        except pglast.parser.ParseError:
            failed += 1
    return failed


def with_sqlglot(texts: list[str]) -> int:
    failed = 0
    for text in texts:
        try:
            sqlglot.parse(text, read="redshift")
        except sqlglot.errors.SqlglotError:
            failed += 1
    return failed


def nothing(_texts: list[str]) -> int:
    return 0


def in_processes(parse, texts: list[str], cores: int) -> tuple[float, int]:
    """Seconds for parsing alone, and how many texts were not parsed."""
    shares = [texts[core::cores] for core in range(cores)]
    with ProcessPoolExecutor(cores) as pool:
        # The processes are there and have what they need.
        list(pool.map(nothing, shares))
        list(pool.map(parse, [share[:10] for share in shares]))
        began = time.monotonic()
        failed = sum(pool.map(parse, shares))
        return time.monotonic() - began, failed


def with_sqlparser(program: Path, texts: Path, cores: int) -> tuple[float, int]:
    done = subprocess.run([program, str(texts), str(cores)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return found["seconds"], found["failed"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=4_000_000)
    parser.add_argument("--peers", type=int, default=20_000, help="texts that the parsers are given")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--program", type=Path, default=TARGET / "dist" / "rolegate")
    parser.add_argument("--parser", type=Path, default=TARGET / "release" / "examples" / "parse_texts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        return measure(options, Path(temporary))


def measure(options: argparse.Namespace, folder: Path) -> int:
    company = Company()
    company.write_facts(folder)
    quarter, whole, texts = folder / "quarter.jsonl", folder / "whole.jsonl", []
    with quarter.open("w", buffering=1 << 20) as first, whole.open("w", buffering=1 << 20) as all_of_it:
        for number, line in enumerate(company.history(options.statements, with_roles=0.01, bad=0.001)):
            all_of_it.write(line)
            if number < options.statements // 4:
                first.write(line)
    with whole.open() as lines:
        texts = [json.loads(line)["text"] for line in islice(lines, options.peers)]
    (folder / "texts.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts))
    length = sum(map(len, texts)) / len(texts)
    print(f"{options.statements} statements of {length:.0f} bytes, {whole.stat().st_size / 1e6:.0f} MB of JSON lines, {options.cores} cores")
    _, little, _ = replay(options.program, folder / "company.toml", quarter, options.cores)
    took, much, summary = replay(options.program, folder / "company.toml", whole, options.cores)
    rate = options.statements / took
    judged = f"{summary['with_roles']} with roles, {summary['would_be']['reject']} refused"
    print(f"  rolegate replay   {rate:12,.0f} statements/s  {judged}; peak memory {much:.0f} MB, of a quarter {little:.0f} MB")
    peers = {
        "sqlparser": with_sqlparser(options.parser, folder / "texts.jsonl", options.cores),
        "libpg_query": in_processes(with_libpg_query, texts, options.cores),
        "sqlglot": in_processes(with_sqlglot, texts, options.cores),
    }
    fastest = 0.0
    for name, (seconds, failed) in peers.items():
        fastest = max(fastest, len(texts) / seconds)
        print(f"  {name:17} {len(texts) / seconds:12,.0f} statements/s  {failed} of {len(texts)} texts not parsed")
    print(f"  {rate / fastest:.1f} times the fastest parser")
    problems = {
        f"fewer than {WANTED_RATE:,} statements a second": rate < WANTED_RATE,
        f"less than {WANTED_RATIO} times the fastest parser": rate < WANTED_RATIO * fastest,
        "memory grows with the history": much > 1.25 * little + 16,
    }
    for problem in (problem for problem, is_so in problems.items() if is_so):
        print(problem, file=sys.stderr)
    return int(any(problems.values()))


if __name__ == "__main__":
    sys.exit(main())
