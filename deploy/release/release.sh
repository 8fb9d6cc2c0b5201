#!/bin/sh
# Builds what a release holds into target/releases/VERSION: [JOBS=n] release.sh [TARGET...]
# What a run that was interrupted has compiled is there for the next one. A target that does not compile keeps no other from being packed; the
# exit status is 1 then. JOBS is how many compilers run at once: each may take two gigabytes.
# With PROGRAM=path nothing is compiled: that program is packed as the one of this machine's target, without a Debian package.
set -eu
cd "$(dirname "$0")/../.."
host=$(rustc -vV | sed -n 's/^host: //p')
machine=${host%%-*}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
commit=$(git rev-parse --short=12 HEAD)
git diff --quiet HEAD || commit=$commit-dirty
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
target_folder=${CARGO_TARGET_DIR:-$PWD/target}
out=${OUT:-$PWD/target/releases/$version}
files=${OUT:+$OUT.files}
files=${files:-$PWD/target/package-files}

# The same bytes on every machine: no paths of it, no times, no order of its file system.
export SOURCE_DATE_EPOCH ROLEGATE_COMMIT="$commit"
crates=${CARGO_HOME:-$HOME/.cargo}/registry/src
export RUSTFLAGS="--remap-path-prefix=$crates=crates --remap-path-prefix=$PWD=rolegate --remap-path-prefix=$target_folder=target"
export CFLAGS="-ffile-prefix-map=$crates=crates -ffile-prefix-map=$target_folder=target"
export LC_ALL=C TZ=UTC
level=9
[ -z "${PROGRAM:-}" ] || level=1
pack() { # pack ARCHIVE FOLDER NAME: the folder NAME within FOLDER, links followed
    tar --create --dereference --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX --format=gnu --directory="$2" "$3" | gzip "-$level" --no-name >"$1"
}

# What a target needs beside the compiler; a target that lacks something is left out, and the last lines say so.
left_out=""
failed=""
ready() {
    [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ] || rustup target add "$1" >/dev/null 2>&1 \
        || { left_out="$left_out $1(no standard library)"; return 1; }
    linker=""
    case $1 in
    "$host") compiler=cc ;;
    # What musl-gcc links as a static-pie asks for a loader, and crashes: the compiler's own musl is linked by cc.
    "$machine-unknown-linux-musl") compiler=musl-gcc linker=cc ;;
    aarch64-unknown-linux-gnu) compiler=aarch64-linux-gnu-gcc ;;
    aarch64-unknown-linux-musl) compiler=aarch64-linux-musl-gcc ;;
    *) compiler=$1-gcc ;;
    esac
    command -v "$compiler" >/dev/null || { left_out="$left_out $1(no $compiler)"; return 1; }
    name=$(echo "$1" | tr a-z- A-Z_)
    export "CARGO_TARGET_${name}_LINKER=${linker:-$compiler}" "CC_$(echo "$1" | tr - _)=$compiler"
}
# A program for this machine has to run here.
works() {
    case $1 in "$machine"-*) "$(program_of "$1")" --version >/dev/null ;; esac
}

if [ -n "${PROGRAM:-}" ]; then
    targets=$host
    program_of() { echo "$PROGRAM"; }
    program=$PROGRAM
else
    targets=${*:-x86_64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-gnu aarch64-unknown-linux-musl}
    program_of() { echo "$target_folder/$1/dist/rolegate"; }
    built=""
    program=""
    proxy/console/build.sh
    for target in $targets; do
        ready "$target" || continue
        if cargo build --locked --profile dist --package rolegate --features aws --target "$target" ${JOBS:+--jobs "$JOBS"} && works "$target"; then
            built="$built $target"
        else
            failed="$failed $target"
        fi
    done
    targets=$built
    # Pages and completions are the same for all: one that runs here writes them.
    for target in $targets; do
        case $target in "$machine"-*) program=$(program_of "$target") ;; esac
    done
    [ -n "$program" ] || { echo "none that was built runs on this machine; built:$targets; left out:$left_out; failed:$failed" >&2; exit 1; }
    export PATH="$target_folder/tools/bin:$PATH"
    command -v cargo-deb >/dev/null \
        || env -u RUSTFLAGS -u CFLAGS cargo install --locked --root "$target_folder/tools" --target-dir "$target_folder/tools" ${JOBS:+--jobs "$JOBS"} cargo-deb
fi

# What was released before stays until all is there for the new one.
rm -rf "$out" "$files"
mkdir -p "$out" "$files/completions"

"$program" manual "$files/man1"
for shell in bash:rolegate.bash zsh:_rolegate fish:rolegate.fish; do
    "$program" completions "${shell%%:*}" >"$files/completions/${shell#*:}"
done
python3 deploy/release/sbom.py >"$files/rolegate.cdx.json"
python3 deploy/release/licences.py >"$files/THIRD-PARTY.txt"
cp "$files/rolegate.cdx.json" "$files/THIRD-PARTY.txt" "$out"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in $targets; do
    name=rolegate-$version-$target
    mkdir -p "$work/$name/systemd"
    cp "$(program_of "$target")" "$work/$name/rolegate"
    cp -r LICENSE README.md CHANGELOG.md docs config "$files/man1" "$files/completions" "$files/THIRD-PARTY.txt" "$work/$name"
    cp deploy/systemd/* "$work/$name/systemd"
    pack "$out/$name.tar.gz" "$work" "$name"
done
if [ -z "${PROGRAM:-}" ]; then
    for target in $targets; do
        case $target in *-musl) continue ;; esac
        # The libraries that a package depends on are asked of this machine's: it may not have those of another architecture.
        cargo deb --quiet --package rolegate --profile dist --no-build --no-strip --target "$target" --output "$out" || {
            [ "$target" != "$host" ] || exit 1
            left_out="$left_out $target(no Debian package)"
        }
    done
fi

# The chart with the rules and dashboards that it names, and without what it ignores.
mkdir "$work/chart"
cp --recursive --dereference deploy/helm/rolegate "$work/chart"
rm -f "$work"/chart/rolegate/rules/*.test.yml "$work"/chart/rolegate/rules/prometheus.yml
pack "$out/rolegate-$version.tgz" "$work/chart" rolegate
pack "$out/rolegate-$version-terraform.tar.gz" deploy terraform
# Source and context of the image: docker build --file deploy/Dockerfile - within it.
git archive --format=tar --prefix="rolegate-$version/" HEAD | gzip "-$level" --no-name >"$out/rolegate-$version-source.tar.gz"

cd "$out"
sha256sum -- * >SHA256SUMS
echo "$out:"
cat SHA256SUMS
[ -z "$left_out" ] || echo "left out:$left_out"
[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
