"""TLS to the backend: what each mode of [gate.upstream] tls verifies."""

import shutil

import pytest
from authority import Authority, encrypted_postgres, require_encryption
from servers import Gate
from wire import Wire, query


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A PostgreSQL with a certificate for db.example, by an authority of its own, that takes nothing but TLS."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    server = encrypted_postgres(authority)
    require_encryption(server)
    server.authority = authority.certificate
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
