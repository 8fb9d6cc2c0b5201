"""The Redshift stand-in alone, for tests that put gates of their own before it."""

from dataclasses import dataclass, field
from pathlib import Path

from servers import BIN, Process, free_port


@dataclass
class Standin:
    """Users etl and analyst prove themselves in the way `authentication` names, with `secret`."""

    folder: Path
    authentication: str
    secret: str = "demo"
    port: int = field(default_factory=free_port)

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        secret = self.folder / "secret"
        secret.write_text(self.secret + "\n")
        options = ["--listen", f"127.0.0.1:{self.port}", "--data", self.folder / "data", "--password-file", secret]
        command = [BIN / "standin", *options, "--authentication", self.authentication]
        self.process = Process(command, self.folder / "log")
        self.process.wait_listening(self.port)

    def stop(self):
        self.process.stop()
