"""TLS to the clients: which certificate the gate shows, and what it knows of theirs."""

import shutil
import signal
import ssl

import pytest
from authority import Authority
from servers import Gate, wait_for
from wire import SSL_REQUEST, Wire, query

COPY = "copy t from 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA'"

RULE = '@id("certified") permit (principal, action, resource) when { context.tls_names.contains("etl.example") };\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("clients"))


def encrypted(port, authority, name=None, identity=None, version=None):
    """A connection on which the handshake is over; raises what the TLS library says otherwise."""
    context = ssl.create_default_context(cafile=authority.certificate)
    context.check_hostname = False
    if identity:
        context.load_cert_chain(*identity)
    if version:
        context.maximum_version = version
    wire = Wire(port)
    wire.send(SSL_REQUEST)
    assert wire.exactly(1) == b"S"
    wire.sock = context.wrap_socket(wire.sock, server_hostname=name)
    return wire


def shown(wire):
    return dict(entry for names in wire.sock.getpeercert()["subject"] for entry in names)["commonName"]


def test_the_name_that_is_asked_for_chooses_the_certificate(postgres, tmp_path, authority):
    certificate, key = authority.issue("other.example")
    also = f'[[gate.tls.also]]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    server = Gate(tmp_path, postgres.port, gate_extra=authority.gate_tls() + also)
    for asked, want in [("other.example", "other.example"), ("gate.example", "gate.example"), ("x.example", "gate.example"), (None, "gate.example")]:
        with encrypted(server.port, authority, asked) as wire:
            assert shown(wire) == want, asked
            assert wire.login()[-1].kind == "Z"
    assert server.stop() == 0


def test_a_new_certificate_is_shown_after_a_reload_and_sessions_go_on(postgres, tmp_path, authority):
    server = Gate(tmp_path, postgres.port, gate_extra=authority.gate_tls("renewed.example"))
    with encrypted(server.port, authority) as before:
        assert before.login()[-1].kind == "Z"
        for path, new in zip(("crt", "key"), authority.issue("next.example"), strict=True):
            shutil.copy(new, authority.folder / f"renewed.example.{path}")
        server.process.process.send_signal(signal.SIGHUP)

        def is_new():
            with encrypted(server.port, authority) as wire:
                return shown(wire) == "next.example"

        wait_for("the new certificate", is_new)
        before.send(query("select 1"))
        assert before.until_ready()[-1].kind == "Z"
    assert server.stop() == 0


def test_the_oldest_version_can_be_raised(postgres, tmp_path, authority):
    server = Gate(tmp_path, postgres.port, gate_extra=authority.gate_tls() + 'minimum_version = "1.3"\n')
    with encrypted(server.port, authority) as wire:
        assert wire.sock.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        encrypted(server.port, authority, version=ssl.TLSVersion.TLSv1_2)
    assert server.stop() == 0


def judged(wire):
    assert wire.login()[-1].kind == "Z"
    wire.send(query(COPY))
    return wire.until_ready()[0].fields()


def test_rules_see_the_clients_certificate(postgres, tmp_path, authority):
    rules = tmp_path / "rules.cedar"
    rules.write_text(RULE)
    tls = authority.gate_tls() + f'client_ca = "{authority.certificate}"\n'
    server = Gate(tmp_path / "gate", postgres.port, extra=f'[policy]\nrules = ["{rules}"]', gate_extra=tls)
    with encrypted(server.port, authority, identity=authority.issue("etl.example")) as wire:
        assert judged(wire)["C"] != "42501", "PostgreSQL has its own word on the statement"
    for identity in (authority.issue("someone.example"), None):
        with encrypted(server.port, authority, identity=identity) as wire:
            fields = judged(wire)
            assert fields["C"] == "42501" and fields["M"].startswith("RG302"), fields
    assert server.stop() == 0


def test_a_client_certificate_can_be_demanded(postgres, tmp_path, authority):
    stranger = Authority(tmp_path / "stranger")
    tls = authority.gate_tls() + f'client_ca = "{authority.certificate}"\nclient_certificate_required = true\n'
    server = Gate(tmp_path / "gate", postgres.port, gate_extra=tls)
    with encrypted(server.port, authority, identity=authority.issue("etl.example")) as wire:
        assert wire.login()[-1].kind == "Z"
    for identity in (None, stranger.issue("etl.example")):
        # With TLS 1.3 the client learns of the refusal with its first read.
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            encrypted(server.port, authority, identity=identity).login()
    with Wire(server.port) as wire:
        assert wire.login()[-1].fields()["C"] == "28000", "without TLS there is no certificate"
    assert server.stop() == 0
