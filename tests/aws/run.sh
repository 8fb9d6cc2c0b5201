#!/bin/sh
# Builds the gate with its AWS source, as all tests do, and tests it: tests/aws/run.sh [PYTEST-ARGUMENT...]
set -eu
cd "$(dirname "$0")/../.."
# With the examples, as all tests build: without them other features would be chosen, and AWS's crates built twice.
cargo build --locked --workspace --features rolegate/aws,rolegate-loadtest/load --bins --examples
venv=target/venv-aws
cmp -s tests/aws/requirements.txt "$venv/requirements.txt" || tests/setup.sh drivers
programs=${CARGO_TARGET_DIR:-$PWD/target}/debug
export ROLEGATE_BIN="$programs/rolegate" ROLEGATE_STANDIN="$programs/standin"
exec "$venv/bin/python" -m pytest -q -ra tests/aws "$@"
