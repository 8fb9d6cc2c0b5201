"""Who may see the admin address: loopback by default, elsewhere a token or a certificate, and no page of a stranger's."""

import http.client
import ssl
import subprocess

import pytest
from authority import Authority
from servers import BIN, free_port

TOKEN = "a token that nobody guesses"
ANYWHERE = 'listen = "0.0.0.0:{port}"\n'


def get(port, path="/metrics", headers=None, context=None):
    connection = http.client.HTTPSConnection if context else http.client.HTTPConnection
    options = {"context": context} if context else {}
    client = connection("127.0.0.1", port, timeout=10, **options)
    client.request("GET", path, headers=headers or {})
    answer = client.getresponse()
    return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("admin-authority"))


def check(tmp_path, admin: str):
    """What `config check` and `serve` say of this section."""
    config = tmp_path / "rolegate.toml"
    config.write_text(f'[admin]\n{admin}[[gate]]\nname = "g"\nlisten = "127.0.0.1:{free_port()}"\n[gate.upstream]\naddress = "localhost:1"\ntls = "disable"\n')
    checked = subprocess.run([BIN / "rolegate", "config", "check", config], capture_output=True, text=True, check=False)
    return checked.returncode, checked.stderr


def test_beyond_loopback_somebody_must_be_asked(tmp_path, authority):
    token, short = tmp_path / "token", tmp_path / "short"
    token.write_text(f"{TOKEN}\n")
    short.write_text("short\n")
    for secret in [token, short]:
        secret.chmod(0o600)
    anywhere = ANYWHERE.format(port=free_port())
    identity = 'certificate = "{}"\nkey = "{}"\n'.format(*authority.issue("admin.example", "127.0.0.1"))
    rows = [
        (anywhere, "nobody is asked who they are"),
        (f"{anywhere}[admin.tls]\n{identity}", "nobody is asked who they are"),
        (f'{anywhere}token_file = "{short}"\n', "16 characters"),
        (f'{anywhere}token_file = "{tmp_path}/none"\n', "none"),
        (f'{anywhere}[admin.tls]\n{identity}client_ca = "none.pem"\n', "none.pem"),
        (f'{anywhere}token_file = "{token}"\n', None),
        (f'{anywhere}[admin.tls]\n{identity}client_ca = "{authority.certificate}"\n', None),
        (f"{anywhere}insecure = true\n", None),
    ]
    for admin, fault in rows:
        status, stderr = check(tmp_path, admin)
        assert (status == 0) == (fault is None), (admin, stderr)
        assert (fault or "") in stderr
    config = tmp_path / "rolegate.toml"
    check(tmp_path, anywhere)
    served = subprocess.run([BIN / "rolegate", "serve", "--config", config], capture_output=True, text=True, check=False, timeout=20)
    assert served.returncode == 2
    assert "admin.listen" in served.stderr


def test_a_token_is_asked_for_by_all_but_probes(postgres, start, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    gate = start(postgres.port, admin_extra=f'token_file = "{tokens}"\n')
    with_token = {"Authorization": f"Bearer {TOKEN}", "Host": "gate.example"}
    for path in ["/healthz", "/readyz"]:
        assert get(gate.admin, path)[0] == 200
    for path in ["/metrics", "/api/v1/status", "/readyz?verbose", "/no/such/page"]:
        assert get(gate.admin, path)[0] == 401
        assert get(gate.admin, path, {"Authorization": "Bearer another"})[0] == 401
    assert get(gate.admin, "/")[0] == 200, "the page, which holds no data and asks for the token"
    assert get(gate.admin, "/metrics", with_token)[0] == 200
    tokens.write_text("a token that came later\n")
    assert get(gate.admin, "/metrics", with_token)[0] == 401
    assert get(gate.admin, "/metrics", {"Authorization": "Bearer a token that came later"})[0] == 200


def test_a_certificate_is_asked_for_by_all_but_probes(postgres, start, authority):
    certificate, key = authority.issue("admin.example", "127.0.0.1")
    section = f'[admin.tls]\ncertificate = "{certificate}"\nkey = "{key}"\nclient_ca = "{authority.certificate}"\n'
    gate = start(postgres.port, admin_extra=section)
    nobody = ssl.create_default_context(cafile=str(authority.certificate))
    scraper = ssl.create_default_context(cafile=str(authority.certificate))
    scraper.load_cert_chain(*authority.issue("prometheus.example"))
    assert get(gate.admin, "/readyz", context=nobody)[0] == 200
    assert get(gate.admin, "/metrics", context=nobody)[0] == 401
    status, body = get(gate.admin, "/metrics", context=scraper)
    assert (status, "rolegate_build_info" in body) == (200, True)


def test_a_page_of_a_stranger_gets_no_answer(postgres, start):
    gate = start(postgres.port, admin_extra='hosts = ["gate.example"]\n')
    rows = [("127.0.0.1", 200), (f"localhost:{gate.admin}", 200), ("gate.example", 200), ("rebound.evil.example", 421)]
    for host, status in rows:
        assert get(gate.admin, "/api/v1/chains", {"Host": host})[0] == status, host
    assert get(gate.admin, "/healthz", {"Host": "rebound.evil.example"})[0] == 200


def test_nothing_changes_state(gate):
    for method in ["POST", "PUT", "PATCH", "DELETE"]:
        for path in ["/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/chains", "/api/v1/facts"]:
            client = http.client.HTTPConnection("127.0.0.1", gate.admin, timeout=10)
            client.request(method, path)
            assert client.getresponse().status == 405, f"{method} {path}"
