"""TLS to the backend: what each mode of [gate.upstream] tls verifies."""

import shutil
import subprocess

import pytest
from servers import PG_BIN, Gate, Postgres, pg_folder
from wire import Wire, query


def openssl(*arguments, cwd):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A PostgreSQL with a certificate for db.example, by an authority of its own, that takes nothing but TLS."""
    folder = tmp_path_factory.mktemp("authority")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.crt", cwd=folder)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db.example", "-keyout", "server.key", "-out", "server.csr", cwd=folder)
    (folder / "names").write_text("subjectAltName=DNS:db.example\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt", cwd=folder)
    server = Postgres(pg_folder())
    for name in ("server.crt", "server.key"):
        shutil.copy(folder / name, server.data / name)
        shutil.chown(server.data / name, "postgres", "postgres")
        (server.data / name).chmod(0o600)
    with Wire(server.port) as wire:
        wire.login()
        for sql in ["alter system set ssl = on", "select pg_reload_conf()"]:
            wire.send(query(sql))
            wire.until_ready()
    (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
    server.run([PG_BIN / "pg_ctl", "-D", server.data, "reload"])
    server.authority = folder / "ca.crt"
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("settings", "connects"),
    [
        ('tls = "disable"', False),
        ('tls = "require"', True),
        ('tls = "verify-ca"', False),
        ('tls = "verify-ca"\nca = "{ca}"', True),
        ('tls = "verify-full"\nca = "{ca}"', False),
        ('tls = "verify-full"\nca = "{ca}"\nserver_name = "db.example"', True),
        ('tls = "verify-full"\nserver_name = "db.example"', False),
        ('ca = "{ca}"\nserver_name = "db.example"', True),
    ],
)
def test_modes(secure, tmp_path, settings, connects):
    gate = Gate(tmp_path, secure.port, tls=settings.replace("{ca}", str(secure.authority)))
    with Wire(gate.port) as wire:
        last = wire.login()[-1]
        assert (last.kind == "Z") == connects, last
        if connects:
            wire.send(query("select ssl from pg_stat_ssl where pid = pg_backend_pid()"))
            assert wire.until_ready()[1].body.endswith(b"t")
        else:
            assert last.kind == "E"
    assert gate.stop() == 0
