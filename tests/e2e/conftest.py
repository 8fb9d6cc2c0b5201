"""What several test files share."""

import os
import shutil

import pytest
from servers import BIN, PG_BIN, Demo, Gate, Postgres, pg_folder


def pytest_sessionstart():
    """A missing program fails the run: no test skips itself."""
    for program in [BIN / "rolegate", BIN / "demo", PG_BIN / "postgres", PG_BIN / "pgbench"]:
        assert program.exists(), f"{program} is missing; run make test"
    for program in ["psql", "java", "node", "haproxy", "promtool", "prometheus", "jq", "rsyslogd"]:
        assert shutil.which(program), f"{program} is missing; run make setup"


@pytest.fixture(scope="session")
def postgres():
    server = Postgres(pg_folder())
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def gate(postgres, tmp_path_factory):
    """A gate in front of a PostgreSQL, default policy, no facts."""
    server = Gate(tmp_path_factory.mktemp("gate"), postgres.port)
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    server = Demo(tmp_path_factory.mktemp("demo"))
    # redshift_connector verifies the certificate always, against the system's authorities and Redshift's own.
    os.environ["SSL_CERT_FILE"] = str(server.folder / "data" / "gate.crt")
    yield server
    del os.environ["SSL_CERT_FILE"]
    assert server.stop() == 0


@pytest.fixture
def start(tmp_path):
    """Starts gates, which must end well."""
    gates = []

    def start(upstream: int, **options) -> Gate:
        gates.append(Gate(tmp_path / f"gate{len(gates)}", upstream, **options))
        return gates[-1]

    yield start
    assert [gate.stop() for gate in gates] == [0] * len(gates)
