"""Runs load scenarios against a gate with the Redshift stand-in behind it: both started here, stopped at the end."""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from servers import Process, free_port  # noqa: E402

SCENARIOS = ROOT / "loadtest" / "scenarios"
# Where the gate, the stand-in and the admin server listen in config/demo.
DEMO_PORTS = (5439, 5440, 9439)


def scenario_files(names: list[str]) -> list[Path]:
    """The files of scenarios by name or path; `all` is every one of loadtest/scenarios."""
    if names == ["all"]:
        return sorted(SCENARIOS.glob("*.toml"))
    files = [Path(name) if name.endswith(".toml") else SCENARIOS / f"{name}.toml" for name in names]
    for file in files:
        if not file.exists():
            known = ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.toml")))
            sys.exit(f"{file}: no such scenario; there are {known}, and all")
    return files


def prepare(folder: Path, ports: tuple[int, ...]) -> Path:
    """A fresh copy of config/demo with a certificate of its own, on these ports. Gives its configuration file."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "config" / "demo", folder)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", folder / "gate.key", "-out", folder / "gate.crt"], check=True, capture_output=True)
    config = folder / "rolegate.toml"
    text = config.read_text()
    for default, port in zip(DEMO_PORTS, ports, strict=True):
        text = text.replace(f'"127.0.0.1:{default}"', f'"127.0.0.1:{port}"')
    config.write_text(text)
    return config


@contextlib.contextmanager
def gate_and_standin(programs: Path, folder: Path):
    """Gives the port of a gate with the stand-in behind it, and the gate's process id."""
    gate, standin, _admin = ports = tuple(free_port() for _ in DEMO_PORTS)
    config = prepare(folder, ports)
    commands = {
        standin: [programs / "standin", "--listen", f"127.0.0.1:{standin}", "--data", folder / "standin"],
        gate: [programs / "rolegate", "serve", "--config", config],
    }
    with contextlib.ExitStack() as stack:
        for port, command in commands.items():
            process = Process(command, folder / f"{command[0].name}.log")
            stack.callback(process.stop)
            process.wait_listening(port)
        yield gate, process.process.pid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Further options go to the load generator: --seconds 3 --rate 200")
    parser.add_argument("scenarios", nargs="+", help="names of files in loadtest/scenarios, paths of others, or all")
    parser.add_argument("--programs", type=Path, default=ROOT / "target" / "release", help="where cargo has put the programs")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "load", help="folder of the reports")
    arguments, further = parser.parse_known_args()
    files = scenario_files(arguments.scenarios)
    with gate_and_standin(arguments.programs, arguments.out / "servers") as (port, pid):
        load = [arguments.programs / "loadtest", "--target", f"127.0.0.1:{port}", "--pid", pid, "--out", arguments.out]
        command = [*map(str, load), *further, *map(str, files)]
        status = subprocess.run(command, env={**os.environ, "PGPASSWORD": "demo"}, check=False).returncode
    print("reports:", *(arguments.out / f"{file.stem}.html" for file in files))
    return status


if __name__ == "__main__":
    sys.exit(main())
