"""Mistakes in the configuration are told at the start; `config check` and `config show`."""

import subprocess

import pytest
from servers import BIN, Gate, free_port, wait_for

GOOD = """
[[gate]]
name = "g"
listen = "127.0.0.1:{port}"
{gate}
[gate.upstream]
address = "127.0.0.1:1"
tls = "disable"
"""

MISTAKES = {
    "no file": (None, {}, ["rolegate.toml"]),
    "not TOML": ("[admin\n", {}, ["rolegate.toml", "line 1"]),
    "unknown key": ("[admin]\nlisen = 1\n", {}, ["rolegate.toml", "line 2", "lisen"]),
    "unknown code": ('[policy.severity]\nRG999 = "allow"\n', {}, ["rolegate.toml", "line 2", "RG999"]),
    "no gate": ("[admin]\n", {}, ["rolegate.toml", "gate"]),
    "missing certificate": (GOOD.replace("[gate.upstream]", '[gate.tls]\ncertificate = "no.crt"\nkey = "no.key"\n[gate.upstream]'), {}, ["no.crt"]),
    "bad certificate": (GOOD.replace("[gate.upstream]", '[gate.tls]\ncertificate = "bad.crt"\nkey = "bad.key"\n[gate.upstream]'), {"bad.crt": "x", "bad.key": "x"}, ["bad.crt"]),
    "rule that does not type-check": ('[policy]\nrules = ["r.cedar"]\n' + GOOD, {"r.cedar": '@id("a") permit (principal, action, resource)\nwhen { resource.lenght > 1 };'}, ["r.cedar:2:", "lenght"]),
    "rule without a name": ('[policy]\nrules = ["r.cedar"]\n' + GOOD, {"r.cedar": "permit (principal, action, resource);"}, ["r.cedar:1:1", "@id"]),
    "snapshot that is not JSON": ('[facts]\niam = ["a.json"]\nclusters = ["c.json"]\n' + GOOD.replace("{gate}", 'cluster = "c"\n{gate}'), {"a.json": "{", "c.json": '{"Clusters": []}'}, ["a.json"]),
    "snapshot that is missing": ('[facts]\niam = ["a.json"]\nclusters = ["c.json"]\n' + GOOD.replace("{gate}", 'cluster = "c"\n{gate}'), {}, ["a.json"]),
    "cluster that is not in the facts": ('[facts]\niam = ["a.json"]\nclusters = ["c.json"]\n' + GOOD.replace("{gate}", 'cluster = "c"\n{gate}'), {"a.json": '{"RoleDetailList": []}', "c.json": '{"Clusters": []}'}, ["cluster", '"c"']),
    "audit file that cannot be written": ('[audit]\npath = "no/such/folder/audit.jsonl"\n' + GOOD, {}, ["no/such/folder/audit.jsonl"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_the_configuration_are_told(tmp_path, name):
    text, files, words = MISTAKES[name]
    path = tmp_path / "rolegate.toml"
    if text is not None:
        path.write_text(text.replace("{port}", str(free_port())).replace("{gate}", ""))
    for file, content in files.items():
        (tmp_path / file).write_text(content)
    env = {"PATH": "/usr/bin:/bin", "ROLEGATE__ADMIN__LISTEN": f"127.0.0.1:{free_port()}"}
    done = subprocess.run([BIN / "rolegate", "serve", "--config", path], capture_output=True, text=True, timeout=20, env=env, check=False)
    assert done.returncode == 2, done
    for word in words:
        assert word in done.stderr, done.stderr
    assert "panicked" not in done.stderr


def test_a_port_in_use_is_told(gate, tmp_path):
    path = tmp_path / "rolegate.toml"
    path.write_text(GOOD.replace("{port}", str(gate.port)).replace("{gate}", ""))
    done = subprocess.run([BIN / "rolegate", "serve", "--config", path], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert f"127.0.0.1:{gate.port}" in done.stderr and "[[gate]] g" in done.stderr


def test_config_check_and_show(gate):
    done = subprocess.run([BIN / "rolegate", "config", "check", gate.config], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shown = subprocess.run([BIN / "rolegate", "config", "show", gate.config], capture_output=True, text=True, check=False)
    assert shown.returncode == 0 and "max_statement_bytes = 16777216" in shown.stdout


LOST = '@id("all") permit (principal, action, resource);\n@id("lost") forbid (principal in Rolegate::Group::"analyst", action, resource);'


def test_rules_about_unknown_names_are_warnings_and_errors_where_it_is_strict(tmp_path):
    path = tmp_path / "rolegate.toml"
    (tmp_path / "r.cedar").write_text(LOST)
    policy = '[policy]\nrules = ["r.cedar"]\n[policy.groups]\nanalysts = ["ann"]\n'
    path.write_text(policy + GOOD.replace("{port}", str(free_port())).replace("{gate}", ""))
    run = lambda *arguments: subprocess.run([BIN / "rolegate", "config", "check", *arguments, path], capture_output=True, text=True, check=False)
    said = 'r.cedar:2:1: rule "lost" can never apply: group "analyst" is nowhere known; did you mean "analysts"?'
    plain, strict = run(), run("--strict")
    assert (plain.returncode, strict.returncode) == (0, 2), (plain, strict)
    assert "warning: " in plain.stderr and said in plain.stderr and said in strict.stderr
    (tmp_path / "r.cedar").write_text(LOST.replace('"analyst"', '"analysts"'))
    done = run("--strict")
    assert (done.returncode, done.stderr) == (0, "")


def test_rules_about_unknown_names_are_logged_once_for_as_long_as_they_stand(postgres, tmp_path):
    rules = tmp_path / "r.cedar"
    rules.write_text(LOST.replace('"analyst"', '"analysts"'))
    gate = Gate(tmp_path, postgres.port, extra='[policy]\nrules = ["r.cedar"]\n[policy.groups]\nanalysts = ["ann"]')
    assert "can never apply" not in gate.process.output()
    rules.write_text(LOST)
    wait_for("the warning of a reload", lambda: gate.process.output().count("can never apply") == 1)
    rules.write_text(LOST.replace("all", "every"))
    wait_for("the next reload", lambda: gate.process.output().count("reloaded") == 2)
    rules.write_text(LOST.replace("analyst", "analist"))
    wait_for("the warning of another name", lambda: gate.process.output().count("can never apply") == 2)
    assert gate.stop() == 0


def checked(path) -> tuple[int, str]:
    done = subprocess.run([BIN / "rolegate", "config", "check", path], capture_output=True, text=True, check=False)
    assert "panicked" not in done.stderr
    return done.returncode, done.stderr


def openssl_pair(folder, days: str):
    """A certificate of its own that expires in so many days."""
    names = ["-keyout", folder / "gate.key", "-out", folder / "gate.crt", "-subj", "/CN=gate.example"]
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", days, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_config_check_looks_for_what_serve_will_need(tmp_path):
    path = tmp_path / "rolegate.toml"
    tls = GOOD.replace("[gate.upstream]", '[gate.tls]\ncertificate = "gate.crt"\nkey = "gate.key"\n[gate.upstream]')

    def write(text):
        path.write_text(text.replace("{port}", str(free_port())).replace("{gate}", ""))
        return checked(path)

    assert write(GOOD) == (0, "")
    status, stderr = write('[log]\nlevel = "info,rolegate=loud"\n' + GOOD)
    assert (status, "level" in stderr) == (2, True)
    openssl_pair(tmp_path, "90")
    (tmp_path / "gate.key").chmod(0o600)
    assert write(tls) == (0, "")
    (tmp_path / "gate.key").chmod(0o644)
    status, stderr = write(tls)
    assert (status, "gate.key: everybody on this machine may read" in stderr) == (2, True)
    openssl_pair(tmp_path, "3")
    (tmp_path / "gate.key").chmod(0o600)
    status, stderr = write(tls)
    assert (status, "gate.crt of the frontend leg expires within 14 days" in stderr) == (0, True)
    password = GOOD + '[gate.catalog]\nuser = "reader"\ndatabase = "dev"\npassword_file = "password"\n'
    status, stderr = write(password)
    assert (status, "password: cannot be read" in stderr) == (2, True)
