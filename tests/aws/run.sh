#!/bin/sh
# Builds the gate with its AWS source and tests it: tests/aws/run.sh [PYTEST-ARGUMENT...]
set -eu
cd "$(dirname "$0")/../.."
export ROLEGATE_AWS_TARGET="${ROLEGATE_AWS_TARGET:-target/aws}"
cargo build --locked --package rolegate --features aws --target-dir "$ROLEGATE_AWS_TARGET"
cargo build --locked --package rolegate-loadtest --bin standin
venv=target/venv-aws
if ! cmp -s tests/aws/requirements.txt "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/aws/requirements.txt
    cp tests/aws/requirements.txt "$venv/requirements.txt"
fi
export ROLEGATE_BIN="$PWD/$ROLEGATE_AWS_TARGET/debug/rolegate" ROLEGATE_STANDIN="$PWD/target/debug/standin"
case $ROLEGATE_AWS_TARGET in /*) ROLEGATE_BIN="$ROLEGATE_AWS_TARGET/debug/rolegate" ;; esac
exec "$venv/bin/python" -m pytest -q -ra tests/aws "$@"
