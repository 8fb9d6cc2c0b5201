"""All ways to log in to Redshift, relayed byte for byte: password as it is (3), MD5 (5), digest (13), and the token of an identity
provider (14); by drivers and by bytes of our own, against the stand-in, which checks the answers, and a backend that keeps them.
"""

import contextlib
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass

import drivers
import psycopg
import pytest
import redshift_connector
from authority import Authority
from fake import AUTHENTICATION_OK, READY, Fake
from questions import ask
from servers import Demo, Gate, Postgres, pg_folder, wait_for
from standin import Standin
from wire import FLUSH, Wire, frame, query, startup

DIGEST_REQUEST = struct.pack("!iii", 13, 0, 8) + b"salt-123" + struct.pack("!i", 6) + b"nonce1"
DIGEST = frame(b"d", struct.pack("!i", 32) + b"\xff" * 32 + struct.pack("!i", 13) + b"1700000000000")
TOKEN = frame(b"i", b"t" * 20_480)


@pytest.mark.parametrize(
    ("request_body", "answer"),
    [(DIGEST_REQUEST, DIGEST + FLUSH), (struct.pack("!i", 14), TOKEN)],
    ids=["digest, then Flush", "token of 20 KiB"],
)
def test_answers_pass_unchanged_and_unlogged(tmp_path, request_body, answer):
    with Fake([frame(b"R", request_body), AUTHENTICATION_OK + READY]) as fake:
        gate = Gate(tmp_path, fake.port)
        with Wire(gate.port) as wire:
            opening = startup("etl", "dev")
            wire.send(opening)
            assert wire.message().body == request_body
            wire.send(answer)
            assert [message.kind for message in wire.until_ready()] == ["R", "Z"]
            wait_for("the whole answer", lambda: len(fake.received) >= len(opening + answer))
            assert bytes(fake.received) == opening + answer
        assert gate.stop() == 0
        assert "tttttttt" not in gate.process.output() and "1700000000000" not in gate.process.output()


LONG_TOKEN = "eyJ" + "t" * 20_477


@dataclass
class Login:
    """A gate with TLS before a stand-in."""

    gate: Gate
    authority: object

    def redshift_connector(self, **options):
        where = {"host": "127.0.0.1", "port": self.gate.port, "database": "dev", "sslmode": "verify-full"}
        with drivers.trusting(self.authority.certificate):
            return redshift_connector.connect(**where, **options)

    def psycopg(self, **options):
        # psycopg knows Redshift's name for the encoding only as UTF8.
        where = {"host": "127.0.0.1", "port": self.gate.port, "dbname": "dev", "client_encoding": "utf8"}
        return psycopg.connect(**where, sslmode="verify-full", sslrootcert=self.authority.certificate, **options)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def before_standin(folder, authority, authentication, secret):
    standin = Standin(folder / "standin", authentication, secret)
    try:
        gate = Gate(folder / "gate", standin.port, dialect="redshift", gate_extra=authority.gate_tls())
        try:
            yield Login(gate, authority)
        finally:
            assert gate.stop() == 0
        log = gate.process.output() + gate.audit.read_text()
        assert secret not in log, "the gate has written down what a client proved itself with"
    finally:
        standin.stop()


def answer_to(connection, sql):
    with contextlib.closing(connection):
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("authentication", ["cleartext", "md5", "digest"])
def test_redshift_connector_logs_in(tmp_path, authority, authentication):
    with before_standin(tmp_path, authority, authentication, "pass-word-1") as login:
        assert int(answer_to(login.redshift_connector(user="etl", password="pass-word-1"), "select 41 + 1")) == 42
        with pytest.raises(redshift_connector.Error) as failed:
            login.redshift_connector(user="etl", password="wrong")
        assert failed.value.args[0]["C"] == "28P01"


@pytest.mark.parametrize("authentication", ["cleartext", "md5"])
def test_psycopg_logs_in(tmp_path, authority, authentication):
    with before_standin(tmp_path, authority, authentication, "pass-word-1") as login:
        assert int(answer_to(login.psycopg(user="etl", password="pass-word-1"), "select 41 + 1")) == 42
        with pytest.raises(psycopg.OperationalError, match="Password authentication failed"):
            login.psycopg(user="etl", password="wrong")


def test_redshift_connector_brings_a_token(tmp_path, authority):
    """Without a user: the token says who it is."""
    with before_standin(tmp_path, authority, "idp", LONG_TOKEN) as login:
        plugin = {"credentials_provider": "IdpTokenAuthPlugin", "token_type": "ACCESS_TOKEN", "iam": False}
        assert int(answer_to(login.redshift_connector(token=LONG_TOKEN, **plugin), "select 41 + 1")) == 42
        with pytest.raises(redshift_connector.Error) as failed:
            login.redshift_connector(token=LONG_TOKEN + "t", **plugin)
        assert failed.value.args[0]["C"] == "28P01"


@pytest.mark.parametrize("end", [b"", b"\0"], ids=["as redshift_connector", "with NUL, as JDBC and ODBC"])
@pytest.mark.parametrize("encrypted", [True, False], ids=["TLS", "plain"])
def test_a_long_token(tmp_path, authority, encrypted, end):
    with before_standin(tmp_path, authority, "idp", LONG_TOKEN) as login, Wire(login.gate.port) as wire:
        if encrypted:
            wire.starttls()
        wire.send(startup("etl", "dev", plugin_name="IdpTokenAuthPlugin", token_type="ACCESS_TOKEN"))
        request = wire.message()
        assert (request.kind, request.body) == ("R", struct.pack("!i", 14))
        wire.send(frame(b"i", LONG_TOKEN.encode() + end))
        first, *_parameters, last = wire.until_ready()
        assert (first.kind, first.body, last.body) == ("R", struct.pack("!i", 0), b"I")
        wire.send(query("select 41 + 1"))
        assert [message.body[-2:] for message in wire.until_ready() if message.kind == "D"] == [b"42"]


def test_a_session_by_digest_is_judged(tmp_path, authority):
    """Whatever the login was: what follows it is read."""
    with before_standin(tmp_path, authority, "digest", "pass-word-1") as login:
        connection = login.redshift_connector(user="etl", password="pass-word-1")
        with contextlib.closing(connection), pytest.raises(redshift_connector.Error) as failed:
            connection.cursor().execute(drivers.REFUSED)
        assert failed.value.args[0]["C"] == "42501"


def test_upstream_passwords_pass_through(tmp_path):
    """The gate relays authentication: the backend's own refusal of a password reaches the client."""
    server = Demo(tmp_path)
    with Wire(server.gate) as wire:
        assert wire.login("etl", "dev", password="wrong")[-1].fields()["C"] == "28P01"
    with Wire(server.gate) as wire:
        wire.starttls()
        assert wire.login("etl", "dev")[-1].kind == "Z"
    assert server.stop() == 0


def test_scram_passes_through(tmp_path_factory):
    """SCRAM-SHA-256, relayed: checked with psql against a PostgreSQL that asks for it."""
    server = Postgres(pg_folder())
    try:
        ask(server.port, "create user scram password 'pass'", "postgres", "postgres")
        (server.data / "pg_hba.conf").write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        ask(server.port, "select pg_reload_conf()", "postgres", "postgres")
        gate = Gate(tmp_path_factory.mktemp("scram"), server.port)
        env = {**os.environ, "PGPASSWORD": "pass", "PGSSLMODE": "disable"}
        command = ["psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(gate.port), "-U", "scram", "postgres", "-c", "select 41 + 1"]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        assert done.stdout == "42\n", done.stderr
        assert gate.stop() == 0
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
