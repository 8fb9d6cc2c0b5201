#!/bin/sh
# Runs SQLAlchemy's PostgreSQL suite straight at a PostgreSQL and through the gate: tests/sqlalchemy/run.sh
# The source archive, which alone has the suite, is kept in target/sqlalchemy.
set -eu
cd "$(dirname "$0")/../.."
version=2.1.9
sha256=d700a8b2edfb26282a470333d6bc4a454c4acda4d201a3bea7b72fa76c217d28
out=$PWD/target/sqlalchemy
cargo build --locked --package rolegate --bin rolegate
wanted="$sha256 $(sha256sum <tests/sqlalchemy/requirements.txt)"
if [ "$(cat "$out/installed" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$out"
    mkdir -p "$out"
    python3 -m venv "$out/venv"
    pip="$out/venv/bin/python -m pip --quiet --disable-pip-version-check"
    $pip install -r tests/sqlalchemy/requirements.txt
    $pip download --no-binary sqlalchemy --no-deps --dest "$out" "sqlalchemy==$version"
    echo "$sha256  $out/sqlalchemy-$version.tar.gz" | sha256sum --check --quiet
    tar -xf "$out/sqlalchemy-$version.tar.gz" -C "$out"
    # Its C code speeds up rows, not the wire: without it no compiler is needed.
    DISABLE_SQLALCHEMY_CEXT=1 $pip install --no-deps "$out/sqlalchemy-$version"
    echo "$wanted" >"$out/installed"
fi
PYTHONPATH=tests/e2e exec python3 tests/sqlalchemy/compare.py "$out/venv/bin/python" "$out/sqlalchemy-$version"
