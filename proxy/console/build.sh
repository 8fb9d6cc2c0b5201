#!/bin/sh
# Builds the console into proxy/console/dist, from where the gate's build takes it: proxy/console/build.sh [--modules], with the option the
# packages alone. Does nothing when nothing has changed. Exit status 3: there is nothing here to build it with.
set -eu
cd "$(dirname "$0")"

for tool in node npm; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: the console is built with Node.js 18 or newer and npm (Debian: apt-get install nodejs npm)" >&2; exit 3; }
done
major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
[ "$major" -ge 18 ] || { echo "Node.js $(node --version) is too old: the console is built with 18 or newer" >&2; exit 3; }

stamp=node_modules/.built-from
if ! cmp -s package-lock.json "$stamp"; then
    npm ci --silent --no-audit --no-fund
    cp package-lock.json "$stamp"
fi
[ "${1:-}" != --modules ] || exit 0

# What is built is as new as the newest of what it is built from.
if ! [ -e dist/index.html ] || [ -n "$(find src public index.html package-lock.json vite.config.ts tsconfig.json -newer dist/index.html -type f | head -1)" ]; then
    npm run --silent build
fi
