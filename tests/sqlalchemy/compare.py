"""SQLAlchemy's PostgreSQL suite, direct and through the gate: every test must end the same way in both.

Arguments: the Python that has SQLAlchemy, the folder of its source archive.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

from servers import PG_BIN, Gate, Postgres, pg_folder

TESTS = ["test/dialect/postgresql", "test/dialect/test_suite.py", "test/engine/test_transaction.py", "test/engine/test_reconnect.py"]
# What the suite's README.unittests.rst asks for.
DATABASE = ["create schema test_schema", "create schema test_schema_2", "create extension hstore", "create extension citext"]
# Fewer than the suite has: a run that ends early must not pass for one with the same failures.
AT_LEAST = 12_000
SECONDS = 1800


def prepared_postgres() -> Postgres:
    """A PostgreSQL with an empty database sa_test, made for the suite."""
    # The suite's two-phase transactions need prepared ones.
    server = Postgres(pg_folder(), settings="-c max_prepared_transactions=10")
    psql = [PG_BIN / "psql", "-h", "127.0.0.1", "-p", server.port, "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    server.run([*psql, "-c", "create database sa_test"])
    for statement in DATABASE:
        server.run([*psql, "-d", "sa_test", "-c", statement])
    return server


def run_suite(name: str, port: int, python: str, source: str, folder: Path) -> dict[str, str]:
    """Runs the suite against a port; gives how each test came out."""
    report = folder / f"{name}.xml"
    command = [python, "-m", "pytest", "-q", "-p", "no:randomly", "--maxfail=100000", f"--junit-xml={report}"]
    command += ["--dburi", f"postgresql+psycopg2://postgres@127.0.0.1:{port}/sa_test", *TESTS]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=SECONDS, check=False)
    # 0: all passed, 1: some failed; all else is a run that did not take place.
    if done.returncode not in (0, 1):
        sys.exit(f"the suite could not run, {name}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcomes[f"{case.get('classname')}::{case.get('name')}"] = "+".join(sorted(kinds)) or "passed"
    counts = Counter(outcomes.values())
    print(f"SQLAlchemy's PostgreSQL suite, {name}: {counts['passed']} passed, {counts['failure']} failed,", end=" ")
    print(f"{counts['error']} errors, {counts['skipped']} skipped; pytest says: {done.stdout.splitlines()[-1].strip('= ')}", flush=True)
    return outcomes


def report(direct: dict[str, str], gated: dict[str, str]) -> bool:
    """Prints the failures and what differs; whether the two runs are the same."""
    failures = sorted(name for name, outcome in direct.items() if outcome not in ("passed", "skipped"))
    print(f"{len(failures)} fail without a gate:", *failures, sep="\n  ")
    different = [name for name in sorted(direct.keys() | gated.keys()) if direct.get(name) != gated.get(name)]
    for name in different:
        print(f"{name}: direct {direct.get(name, 'not run')}, through the gate {gated.get(name, 'not run')}")
    if len(direct) < AT_LEAST:
        print(f"only {len(direct)} tests ran; expected {AT_LEAST} or more")
    print(f"{len(direct) - len(different)} of {len(direct)} tests end the same way through the gate")
    return not different and len(direct) >= AT_LEAST


def main() -> int:
    python, source = sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="rolegate-sqlalchemy-"))
    outcomes = []
    try:
        for name in ["direct", "through the gate"]:
            server = prepared_postgres()
            gate = Gate(folder / "gate", server.port) if outcomes else None
            try:
                outcomes.append(run_suite(name, gate.port if gate else server.port, python, source, folder))
            finally:
                if gate:
                    print("its statements by verdict:", dict(verdicts(gate)))
                    status = gate.stop()
                server.stop()
                shutil.rmtree(server.folder, ignore_errors=True)
        return 0 if report(*outcomes) and status == 0 else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def verdicts(gate: Gate) -> Counter:
    counted = Counter()
    for verdict, count in re.findall(r'^rolegate_statements_total{.*verdict="(\w+)"} (\d+)$', gate.metrics(), re.MULTILINE):
        counted[verdict] += int(count)
    return counted


if __name__ == "__main__":
    sys.exit(main())
