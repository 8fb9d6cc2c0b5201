"""PostgreSQL's own regression suite: straight at the server, then through the gate. Every result file must be the same.

The suite is judged against the direct run and not against its expected output, so that what differs is the gate's doing.
"""

import filecmp
import os
import re
import shutil
import subprocess

import pytest
from authority import Authority, encrypt
from servers import PG_BIN, ROOT, Gate, Postgres, pg_folder

SUITE = ROOT / "target" / "regress"
TESTS = 216
SETTINGS = "-c max_prepared_transactions=10 -c wal_level=logical"


def run_suite(server, name, port, sslmode):
    """Runs the suite against a port; gives the folder of its results and its own closing words."""
    out = server.folder / name
    out.mkdir()
    if server.as_user:
        shutil.chown(out, "postgres")
    command = [
        PG_BIN.parent / "lib" / "pgxs" / "src" / "test" / "regress" / "pg_regress",
        f"--bindir={PG_BIN}",
        f"--dlpath={server.folder / 'regress' / 'lib'}",
        f"--inputdir={server.folder / 'regress' / 'suite'}",
        f"--outputdir={out}",
        "--host=127.0.0.1",
        f"--port={port}",
        "--user=postgres",
        f"--schedule={server.folder / 'regress' / 'suite' / 'schedule'}",
        "--max-connections=4",
    ]
    done = subprocess.run(
        [*server.as_user, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=out,
        env={**os.environ, "PGSSLMODE": sslmode},
        timeout=600,
        check=False,
    )
    assert (out / "results").is_dir(), done.stdout + done.stderr
    return out / "results", done.stdout


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A PostgreSQL with the settings that the suite wants and TLS, and the results of a direct run."""
    server = Postgres(pg_folder(), settings=SETTINGS)
    shutil.copytree(SUITE, server.folder / "regress", symlinks=True)
    server.authority = Authority(tmp_path_factory.mktemp("authority"))
    encrypt(server, server.authority)
    server.direct, said = run_suite(server, "direct", server.port, "disable")
    print(re.findall(r"[^\n]*tests (?:passed|failed)[^\n]*", said))
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS on both legs"])
def test_results_are_those_of_a_direct_run(suite, tmp_path, encrypted):
    tls = f'tls = "verify-full"\nca = "{suite.authority.certificate}"\nserver_name = "db.example"' if encrypted else 'tls = "disable"'
    gate = Gate(tmp_path, suite.port, tls=tls, gate_extra=suite.authority.gate_tls() + "required = true" if encrypted else "")
    results, _said = run_suite(suite, "tls" if encrypted else "plain", gate.port, "require" if encrypted else "disable")
    names = sorted(path.name for path in suite.direct.iterdir())
    assert sorted(path.name for path in results.iterdir()) == names
    same, different, errors = filecmp.cmpfiles(suite.direct, results, names, shallow=False)
    # The suite leaves more files than one a test: what COPY and large objects wrote.
    schedule = (SUITE / "suite" / "schedule").read_text()
    tests = [test for line in re.findall(r"^test: (.*)", schedule, re.MULTILINE) for test in line.split()]
    equal = [test for test in tests if f"{test}.out" in same]
    how = "TLS on both legs" if encrypted else "plain"
    print(f"PostgreSQL regression suite, {how}: {len(equal)} of {len(tests)} identical to direct")
    counted = re.findall(r'^rolegate_statements_total{.*verdict="(\w+)"} (\d+)$', gate.metrics(), re.MULTILINE)
    verdicts = {verdict: sum(int(count) for word, count in counted if word == verdict) for verdict, _ in counted}
    print(f"its statements by verdict: {verdicts}")
    assert verdicts["forward"] > 40_000 and not verdicts["reject"] and not verdicts["annotate"], "ordinary statements pass"
    if different:
        print(subprocess.run(["diff", "-r", suite.direct, results], capture_output=True, text=True, check=False).stdout[:8000])
    assert (different, errors) == ([], [])
    assert len(equal) == len(tests) == TESTS
    assert gate.stop() == 0
