#!/bin/sh
# Judges generated hops with rolegate and with a published IAM evaluator, and explains every difference: COUNT hops whose statements are
# random (6,000), MORE whose policies interact (20,000). tests/oracle/run.sh [COUNT [MORE [SEED]]]
# The evaluator is AGPL-3.0: it is installed into target/ for this run and is no part of what is built or shipped.
set -eu
cd "$(dirname "$0")/../.."
command -v npm >/dev/null || { echo "npm is missing; install Node.js" >&2; exit 2; }
cargo build --locked --quiet --package rolegate --example iam_verdicts
mkdir -p target/oracle
cd target/oracle
[ -f package.json ] || echo '{ "private": true }' >package.json
[ -d node_modules/@cloud-copilot/iam-simulate ] || npm install --silent --no-fund --no-audit @cloud-copilot/iam-simulate@0.1.173
judge="node ../../tests/oracle/oracle.mjs ${CARGO_TARGET_DIR:-..}/debug/examples/iam_verdicts"
status=0
$judge statements "${1:-6000}" ${3:+"$3"} || status=1
$judge interactions "${2:-20000}" ${3:+"$3"} || status=1
exit $status
