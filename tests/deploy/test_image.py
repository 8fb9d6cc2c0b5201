"""The image's files, and the program in a root as empty as the image's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from servers import BIN, ROOT, Process, free_port, http, wait_for
from standin import Standin
from wire import Wire, query

DOCKERFILE = ROOT / "deploy/Dockerfile"
# A release's own program, where there is one: RELEASE_PROGRAM=target/x86_64-unknown-linux-musl/dist/rolegate.
PROGRAM = Path(os.environ.get("RELEASE_PROGRAM", BIN / "rolegate"))


def test_the_dockerfile_has_nothing_to_mend():
    done = subprocess.run([ROOT / "target/venv/bin/hadolint", "--failure-threshold", "style", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_what_the_dockerfile_copies_is_in_its_context():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    text = DOCKERFILE.read_text()
    sources = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    assert len(sources) > 6
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(name + "/") for name in allowed), f"{source} is ignored"
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE) and "HEALTHCHECK" in text and "org.opencontainers.image.revision" in text


def test_every_base_image_can_be_pinned_and_has_a_version():
    text = DOCKERFILE.read_text()
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", text, re.MULTILINE))
    used = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(used) == 3 and {*used} == {f"${{{name}}}" for name in bases}
    for image in bases.values():
        assert ":" in image and not image.endswith(":latest"), image


def test_the_container_that_init_writes_is_confined(tmp_path):
    made = subprocess.run([BIN / "rolegate", "init", tmp_path / "g", "--cluster-endpoint", "db.example", "--platform", "docker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    service = yaml.safe_load((tmp_path / "g/compose.yaml").read_text())["services"]["rolegate"]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert "127.0.0.1:9439:9439" in service["ports"], "the admin address is for this machine"


def test_the_configuration_of_the_image_listens_where_published_ports_lead():
    config = ROOT / "deploy/image/rolegate.toml"
    shown = subprocess.run([BIN / "rolegate", "config", "show", config], capture_output=True, text=True, cwd=ROOT, check=False)
    if "rules/*.cedar" in shown.stderr:
        # The Dockerfile puts the rules beside it.
        shown = subprocess.run(
            [BIN / "rolegate", "config", "show", config], capture_output=True, text=True, env={"ROLEGATE__POLICY__RULES": f'["{ROOT}/proxy/src/cli/init/first.cedar"]'}, check=False
        )
    assert shown.returncode == 0, shown.stderr
    for port in ["5439", "9439"]:
        assert f'listen = "0.0.0.0:{port}"' in shown.stdout
        assert port in re.search(r"^EXPOSE (.*)$", DOCKERFILE.read_text(), re.MULTILINE)[1]


def libraries(program: Path) -> list[Path]:
    """What a program of glibc needs beside itself, as the distroless image has it."""
    found = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", found)]


@pytest.fixture
def empty_root(tmp_path):
    """A folder with the program, its libraries and a configuration, and nothing else: no shell, no /tmp, no /proc, no /dev."""
    root = tmp_path / "root"
    for path in [PROGRAM, *libraries(PROGRAM)]:
        place = root / ("usr/bin/rolegate" if path == PROGRAM else str(path).lstrip("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (root / "etc/rolegate").mkdir(parents=True)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    return root


def within(root: Path, *command) -> list:
    """A command in the root, mounted read-only, as an unprivileged user without a capability."""
    enter = f'mount --make-rprivate / && mount --bind "{root}" "{root}" && mount -o remount,bind,ro,nosuid,nodev "{root}" && exec chroot --userspec=10001:10001 --groups= "{root}" "$@"'
    return ["unshare", "--mount", "sh", "-euc", enter, "sh", *command]


def test_the_program_runs_in_an_empty_root(tmp_path, empty_root):
    server = Standin(tmp_path / "standin", "cleartext")
    port, admin = free_port(), free_port()
    (empty_root / "etc/rolegate/rolegate.toml").write_text(
        f"""
[admin]
listen = "127.0.0.1:{admin}"
[audit]
path = "-"
[[gate]]
name = "g"
listen = "127.0.0.1:{port}"
[gate.upstream]
address = "127.0.0.1:{server.port}"
tls = "disable"
"""
    )
    program, config = "/usr/bin/rolegate", "/etc/rolegate/rolegate.toml"
    gate = Process(within(empty_root, program, "serve", "--config", config), tmp_path / "log")
    try:
        gate.wait_listening(port)
        wait_for("readiness", lambda: http(admin, "/readyz")[0] == 200)
        status = Path(f"/proc/{gate.process.pid}/status").read_text()
        assert re.search(r"^Uid:\s+10001\s", status, re.MULTILINE), status
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE), status
        health = subprocess.run(within(empty_root, program, "health", "--config", config), capture_output=True, text=True, check=False)
        assert (health.returncode, health.stdout) == (0, "ready\n"), health
        with Wire(port) as wire:
            wire.login("etl", "dev")
            wire.send(query("copy venue from 's3://b/x' iam_role 'no chain'"))
            refused = [message.fields() for message in wire.until_ready() if message.kind == "E"]
            assert refused and "RG101" in refused[0]["M"], refused
        wait_for("the audit on stdout", lambda: "RG101" in gate.output())
        written = subprocess.run(within(empty_root, program, "init", "/gate", "--cluster-endpoint", "db.example"), capture_output=True, text=True, check=False)
        assert written.returncode == 2 and "Read-only file system" in written.stderr, written
    finally:
        assert gate.stop() == 0
        server.stop()
