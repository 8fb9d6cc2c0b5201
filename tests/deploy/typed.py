"""Types the commands of a page's section as they stand there: typed.py PAGE HEADING FOLDER

It runs in name spaces of its own (unshare --mount --net): there the page's cluster is the stand-in behind TLS, every port is free, and
/etc and /var/log may be written without a trace.
"""

import fcntl
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from authority import Authority
from servers import BIN, ROOT, wait_for
from standin import Standin

ADDRESS = "10.9.0.2"
CLUSTER = "warehouse.abc123xyz789.us-east-1.redshift.amazonaws.com"
STAND_INS = ["apt", "aws", "docker", "helm", "journalctl", "kubectl", "make", "sudo", "systemctl", "terraform"]


def blocks(page: str, heading: str) -> list[str]:
    """The shell commands below a heading, block by block, until the next heading of its kind or a greater one."""
    marks = re.match(r"#+", heading)[0]
    _, _, rest = ("\n" + page).partition(f"\n{heading}\n")
    assert rest, f"there is no {heading}"
    section = re.split(rf"\n#{{1,{len(marks)}}} (?=\S)", rest)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def up():
    """Loopback of a new network name space."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.pack("16sh", b"lo", 1 | 64)  # IFF_UP, IFF_RUNNING. Source: netdevice(7).
        fcntl.ioctl(any_socket, 0x8914, flags)  # SIOCSIFFLAGS


def name_spaces(folder: Path):
    """Loopback up, and copies of what commands write to."""
    up()
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    copies = folder / "copies"
    copies.mkdir()
    subprocess.run(["cp", "-a", "/etc", copies / "etc"], check=True)
    (copies / "log").mkdir()
    for copy, place in [("etc", "/etc"), ("log", "/var/log")]:
        subprocess.run(["mount", "--bind", copies / copy, place], check=True)
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"\n127.0.0.1 localhost\n{ADDRESS} {CLUSTER}\n")


def cluster(folder: Path):
    """The page's cluster, in a network of its own: the stand-in behind TLS. Ends with its standard input."""
    up()
    wait_for("the link", lambda: "veth1" in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout)
    for command in (["addr", "add", f"{ADDRESS}/24", "dev", "veth1"], ["link", "set", "veth1", "up"]):
        subprocess.run(["ip", *command], check=True)
    server = Standin(folder / "standin", "cleartext")
    behind_tls(server.port, *(folder / "ca" / f"{CLUSTER}.{kind}" for kind in ("crt", "key")))
    sys.stdin.read()
    server.stop()


def linked(folder: Path) -> subprocess.Popen:
    """Starts the cluster's network and links it to this one."""
    command = ["unshare", "--net", sys.executable, __file__, "--cluster", folder]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    here = os.readlink("/proc/self/ns/net")
    wait_for("the cluster's network", lambda: os.readlink(f"/proc/{other.pid}/ns/net") != here)
    for arguments in (
        ["link", "add", "veth0", "type", "veth", "peer", "name", "veth1", "netns", str(other.pid)],
        ["addr", "add", "10.9.0.1/24", "dev", "veth0"],
        ["link", "set", "veth0", "up"],
    ):
        subprocess.run(["ip", *arguments], check=True)
    return other


def behind_tls(port: int, certificate: Path, key: Path):
    """Serves the cluster's address: takes an SSLRequest, speaks TLS, and passes everything on to the stand-in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server((ADDRESS, 5439))

    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(client):
        try:
            if len(client.recv(8, socket.MSG_WAITALL)) < 8:
                return
            client.sendall(b"S")
            inside = context.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            return
        for pair in [(inside, server), (server, inside)]:
            threading.Thread(target=copy, args=pair, daemon=True).start()

    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def prepare_user():
    """What a package brings: the user, its folders, and files that a page renews."""
    subprocess.run(["systemd-sysusers", ROOT / "deploy/systemd/rolegate.sysusers"], check=True)
    for folder, owner in [("/etc/rolegate", "root"), ("/var/log/rolegate", "rolegate")]:
        Path(folder).mkdir(exist_ok=True)
        shutil.chown(folder, owner, "rolegate")
        os.chmod(folder, 0o755)


def script(commands: list[str]) -> str:
    """The blocks as one session. A server in the foreground goes to the background, until it is ready."""
    serve = re.compile(r"^(rolegate serve --config (\S+))$", re.MULTILINE)
    background = r"\1 2>serve.log & for _ in $(seq 200); do rolegate health --config \2 >/dev/null 2>&1 && break; sleep 0.1; done; rolegate health --config \2"
    # A machine that runs all tests is slower than the page's reader.
    commands = [re.sub(r"^sleep 2$", "sleep 6", block, flags=re.MULTILINE) for block in commands]
    return "set -euxo pipefail\ntrap 'status=$?; kill $(jobs -p) 2>/dev/null || true; wait; exit $status' EXIT\n" + serve.sub(background, "\n".join(commands))


def main(page: str, heading: str, folder: Path):
    name_spaces(folder)
    authority = Authority(folder / "ca")
    authority.issue(CLUSTER)
    other = linked(folder)
    prepare_user()
    fakes = folder / "bin"
    fakes.mkdir()
    for name in STAND_INS:
        (fakes / name).write_text(f'#!/bin/sh\nexec {sys.executable} {fakes}/real/{name} "$@"\n')
        (fakes / name).chmod(0o755)
        (fakes / "real").mkdir(exist_ok=True)
        (fakes / "real" / name).symlink_to(Path(__file__).with_name("stand_ins.py"))
    if heading != "## Before your own cluster":
        # Where another user may run it too.
        shutil.copy(BIN / "rolegate", fakes / "rolegate")
    here = folder / "here"
    shutil.copytree(Path(os.environ["ROLEGATE_FILES"]), here) if "ROLEGATE_FILES" in os.environ else here.mkdir()
    for name in ["config", "deploy", "docs", "Cargo.toml"]:
        (here / name).symlink_to(ROOT / name)
    env = {
        **os.environ,
        "PATH": f"{fakes}:{os.environ['PATH']}",
        "SSL_CERT_FILE": str(authority.certificate),
        "PGPASSWORD": "demo",
        "ROLEGATE_ROOT": str(ROOT),
        "ROLEGATE_PROGRAM": str(BIN / "rolegate"),
    }
    # Sections that begin with a running installation find one.
    if heading in {"## Configure", "## Upgrade", "## Rotate", "## Troubleshoot"}:
        made = ["rolegate", "init", "/etc/rolegate", "--cluster-endpoint", f"{CLUSTER}:5439", "--platform", "systemd"]
        subprocess.run(made, check=True, env=env, stdout=subprocess.DEVNULL)
        audit = Path("/var/log/rolegate/audit.jsonl")
        audit.touch()
        shutil.chown(audit, "rolegate")
        for path in authority.issue("gate.example"):
            shutil.copy(path, here / f"new{path.suffix}")
    found = blocks(Path(page).read_text(), heading)
    assert found, f"{heading} has no commands"
    wait_for("the stand-in", lambda: socket.create_connection((ADDRESS, 5439), 1))
    for sql in json.loads(os.environ.get("ROLEGATE_RAN_BEFORE", "[]")):
        ran = ["psql", f"host={CLUSTER} port=5439 dbname=dev user=etl sslmode=require", "--command", sql]
        subprocess.run(ran, check=True, env=env, stdout=subprocess.DEVNULL)
    done = subprocess.run(["timeout", "--kill-after=5", "120", "bash", "-c", script(found)], cwd=here, env=env, check=False)
    other.communicate()
    (fakes / "rolegate").unlink(missing_ok=True)
    sys.exit(done.returncode)


if __name__ == "__main__":
    if sys.argv[1] == "--cluster":
        cluster(Path(sys.argv[2]))
    else:
        main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
