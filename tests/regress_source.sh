#!/bin/sh
# Makes target/regress: PostgreSQL's regression suite, from the source package of the installed server, with regress.so
# built. Packages are unpacked there and not installed; the machine's package lists stay as they are.
set -eu
cd "$(dirname "$0")/.."

version=$(dpkg-query --show --showformat='${Version}' postgresql-15)
out=$PWD/target/regress
[ "$(cat "$out/version" 2>/dev/null)" = "$version" ] && exit 0
rm -rf "$out"
mkdir -p "$out/lists/partial" "$out/lib" "$out/headers"
cd "$out"

# The same Debian mirrors, asked for sources as well, with lists of their own.
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cat >sources.list <<LIST
deb [signed-by=$keyring] http://deb.debian.org/debian $release main
deb-src [signed-by=$keyring] http://deb.debian.org/debian $release main
deb [signed-by=$keyring] http://deb.debian.org/debian-security $release-security main
deb-src [signed-by=$keyring] http://deb.debian.org/debian-security $release-security main
LIST
options="-o Dir::Etc::sourcelist=$out/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$out/lists -o APT::Sandbox::User=root"
# shellcheck disable=SC2086 # one word an option
{
    apt-get $options update -qq
    apt-get $options source -qq --download-only "postgresql-15=$version"
    apt-get $options download -qq "postgresql-server-dev-15=$version"
} >fetch.log 2>&1 || { cat fetch.log >&2; exit 1; }
tar -xf postgresql-15_*.orig.tar.*
mv postgresql-15*/src/test/regress suite
dpkg -x postgresql-server-dev-15_*.deb headers

pg=/usr/lib/postgresql/15
gcc -O1 -fPIC -shared -w -Iheaders/usr/include/postgresql/15/server -I"$(pg_config --includedir)" -I/usr/include/postgresql \
    -o lib/regress.so suite/regress.c
for module in refint autoinc; do ln -sf $pg/lib/$module.so lib/; done
# tablespace wants to write beside the server's data; nothing in it concerns the wire.
sed 's/^test: tablespace$//' suite/parallel_schedule >suite/schedule
rm -rf lists headers ./*.deb ./postgresql-15*
chmod -R a+rX .
echo "$version" >version
