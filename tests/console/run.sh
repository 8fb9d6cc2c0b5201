#!/bin/sh
# Drives the console in Chromium: tests/console/run.sh [FILE...]. Pictures of each view are left in target/console.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- *.test.mjs
# One file after the other: each has a browser of its own, and some measure time.
for file in "$@"; do
    node --test --test-reporter=tap "$file" || failed=1
done
exit "${failed:-0}"
