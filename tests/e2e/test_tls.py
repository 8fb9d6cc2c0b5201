"""TLS to the backend: what each mode of [gate.upstream] tls verifies."""

import shutil
import ssl
from dataclasses import dataclass, field

import pytest
from authority import Authority, encrypted_postgres, require_encryption
from fake import Fake
from servers import Gate
from wire import SSL_REQUEST, Wire, query


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


@dataclass
class Encrypted(Fake):
    """A backend with TLS that notes whether a connection resumes an earlier one's session. PostgreSQL itself gives out no tickets."""

    identity: tuple = ()
    resumed: list = field(default_factory=list)

    def __post_init__(self):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*self.identity)
        super().__post_init__()

    def _serve(self, connection):
        if connection.recv(8) == SSL_REQUEST:
            connection.sendall(b"S")
            connection = self.context.wrap_socket(connection, server_side=True)
            self.resumed.append(connection.session_reused)
            super()._serve(connection)


def test_the_session_of_the_last_connection_is_resumed(tmp_path):
    authority = Authority(tmp_path / "authority")
    identity = authority.issue("db.example")
    with Encrypted(identity=identity) as backend:
        gate = Gate(tmp_path, backend.port, tls=f'ca = "{authority.certificate}"\nserver_name = "db.example"')
        for _time in range(3):
            with Wire(gate.port) as wire:
                assert wire.login()[-1].kind == "Z"
        assert backend.resumed == [False, True, True]
        assert gate.stop() == 0
