"""A certificate authority of the test's own, and servers' certificates by it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers import PG_BIN, Postgres, pg_folder
from wire import Wire, query


def openssl(*arguments, cwd):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr


@dataclass
class Authority:
    """Keys and certificates in one folder; `ca.crt` is the authority's own."""

    folder: Path

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        subject = ["-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.crt"]
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, cwd=self.folder)
        self.certificate = self.folder / "ca.crt"

    def issue(self, name: str, *addresses: str) -> tuple[Path, Path]:
        """Makes `NAME.crt` and `NAME.key` for a host name and addresses."""
        alternatives = [f"DNS:{name}", *(f"IP:{address}" for address in addresses)]
        (self.folder / "names").write_text(f"subjectAltName={','.join(alternatives)}\n")
        request = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"]
        openssl("req", "-newkey", "rsa:2048", "-nodes", *request, cwd=self.folder)
        signer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
        openssl("x509", "-req", "-in", f"{name}.csr", *signer, "-out", f"{name}.crt", cwd=self.folder)
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def gate_tls(self, name="gate.example") -> str:
        """The section of a gate that offers TLS to its clients, to be put before `[gate.upstream]`."""
        certificate, key = self.issue(name, "127.0.0.1")
        return f'[gate.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'


def encrypt(server: Postgres, authority: Authority, name="db.example"):
    """Makes a PostgreSQL offer TLS."""
    for path, target in zip(authority.issue(name), ("server.crt", "server.key"), strict=True):
        shutil.copy(path, server.data / target)
        shutil.chown(server.data / target, "postgres", "postgres")
        (server.data / target).chmod(0o600)
    with Wire(server.port) as wire:
        wire.login()
        for sql in ["alter system set ssl = on", "select pg_reload_conf()"]:
            wire.send(query(sql))
            wire.until_ready()


def encrypted_postgres(authority: Authority) -> Postgres:
    server = Postgres(pg_folder())
    encrypt(server, authority)
    return server


def require_encryption(server: Postgres):
    (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
    server.run([PG_BIN / "pg_ctl", "-D", server.data, "reload"])
