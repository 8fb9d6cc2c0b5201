"""`make release` with a compiler that is played: what it is asked for, what is left out, and that a run goes on where another stopped."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from servers import BIN, ROOT
from test_release import VERSION

HOST = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout.split("host: ")[1].split()[0]
MACHINE = HOST.split("-", maxsplit=1)[0]
STATIC = f"{MACHINE}-unknown-linux-musl"
CARGO = """#!/bin/sh
echo "cargo $*" >>"$PLAYED/asked"
case $1 in
build)
    while [ "$1" != --target ]; do shift; done
    [ ! -e "$PLAYED/fails-$2" ] || exit 101
    mkdir -p "$CARGO_TARGET_DIR/$2/dist"
    printf '#!/bin/sh\\n[ ! -e %s ] || exit 139\\nexec %s "$@"\\n' "$PLAYED/crashes-$2" "$PLAYED_PROGRAM" >"$CARGO_TARGET_DIR/$2/dist/rolegate"
    chmod 755 "$CARGO_TARGET_DIR/$2/dist/rolegate"
    ;;
deb)
    while [ "$1" != --target ]; do shift; done
    case $2 in "$PLAYED_MACHINE"-*) : ;; *) echo "no libraries of $2" >&2; exit 1 ;; esac
    touch "$4/rolegate_1_$2.deb"
    ;;
install) mkdir -p "$CARGO_TARGET_DIR/tools/bin" ;;
*) exec "$PLAYED_CARGO" "$@" ;;
esac
"""
RUSTC = """#!/bin/sh
case "$*" in
*target-libdir*) [ ! -e "$PLAYED/no-library-$4" ] && echo / ;;
*) exec "$PLAYED_RUSTC" "$@" ;;
esac
"""


class Release:
    """Runs of the script, in a target folder of their own."""

    def __init__(self, folder: Path):
        self.folder, self.played = folder, folder / "played"
        self.played.mkdir()
        programs = {"cargo": CARGO, "rustc": RUSTC, "rustup": "#!/bin/sh\nexit 1\n"}
        for compiler in ["cc", "musl-gcc", "aarch64-linux-gnu-gcc", "x86_64-unknown-linux-gnu-gcc", "x86_64-unknown-linux-musl-gcc"]:
            programs[compiler] = "#!/bin/sh\n"
        for name, text in programs.items():
            (self.played / name).write_text(text)
            (self.played / name).chmod(0o755)

    def run(self, *targets, **env):
        played = {f"PLAYED_{name.upper()}": shutil.which(name) for name in ["cargo", "rustc"]}
        played |= {"PLAYED": str(self.played), "PLAYED_PROGRAM": str(BIN / "rolegate"), "PLAYED_MACHINE": MACHINE}
        whole = {**os.environ, **played, "PATH": f"{self.played}:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(self.folder / "target"), "OUT": str(self.folder / "out"), **env}
        (self.played / "asked").unlink(missing_ok=True)
        done = subprocess.run([ROOT / "deploy/release/release.sh", *targets], capture_output=True, text=True, env=whole, check=False)
        done.asked = [line for line in (self.played / "asked").read_text().splitlines() if "metadata" not in line]
        done.held = sorted(path.name for path in (self.folder / "out").iterdir()) if (self.folder / "out").exists() else []
        return done

    def mark(self, what: str):
        (self.played / what).touch()

    def unmark(self, what: str):
        (self.played / what).unlink()


@pytest.fixture
def release_run(tmp_path):
    return Release(tmp_path)


def archive(target: str) -> str:
    return f"rolegate-{VERSION}-{target}.tar.gz"


def test_a_target_that_does_not_compile_keeps_no_other_from_being_packed(release_run):
    release_run.mark(f"fails-{STATIC}")
    done = release_run.run(HOST, STATIC, JOBS="1")
    assert done.returncode == 1 and done.stderr.endswith(f"failed: {STATIC}\n"), done
    assert archive(HOST) in done.held and archive(STATIC) not in done.held and f"rolegate_1_{HOST}.deb" in done.held
    builds = [line for line in done.asked if line.startswith("cargo build")]
    assert len(builds) == 2 and all("--locked --profile dist --package rolegate --features aws" in line and line.endswith("--jobs 1") for line in builds)
    # What was compiled is cargo's to know; the next run asks for all of it again.
    release_run.unmark(f"fails-{STATIC}")
    done = release_run.run(HOST, STATIC)
    assert done.returncode == 0 and "left out" not in done.stdout, done
    assert {archive(HOST), archive(STATIC), "SHA256SUMS"} <= set(done.held)
    assert not any("--jobs" in line for line in done.asked)


def test_a_program_that_does_not_run_is_no_release(release_run):
    release_run.mark(f"crashes-{STATIC}")
    done = release_run.run(HOST, STATIC)
    assert done.returncode == 1 and f"failed: {STATIC}\n" in done.stderr and archive(STATIC) not in done.held, done


def test_what_this_machine_cannot_build_is_left_out_and_told(release_run):
    release_run.mark("no-library-aarch64-unknown-linux-musl")
    other = "riscv64gc-unknown-linux-gnu"
    foreign = "aarch64-unknown-linux-gnu" if MACHINE != "aarch64" else "x86_64-unknown-linux-gnu"
    done = release_run.run(HOST, "aarch64-unknown-linux-musl", other, foreign)
    assert done.returncode == 0, done
    told = "aarch64-unknown-linux-musl(no standard library)", f"{other}(no {other}-gcc)", f"{foreign}(no Debian package)"
    assert done.stdout.rstrip().splitlines()[-1] == "left out: " + " ".join(told), done.stdout
    assert {archive(HOST), archive(foreign)} <= set(done.held) and archive(other) not in done.held


def test_what_was_released_before_stays_when_nothing_is_built(release_run):
    release_run.run(HOST)
    release_run.mark(f"fails-{HOST}")
    done = release_run.run(HOST)
    assert done.returncode == 1 and "none that was built runs on this machine" in done.stderr
    assert {archive(HOST), "SHA256SUMS"} <= set(done.held)
