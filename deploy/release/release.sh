#!/bin/sh
# Builds what a release holds into target/releases/VERSION: release.sh [TARGET...]
# With PROGRAM=path nothing is compiled: that program is packed as the one of this machine's target, without a Debian package.
set -eu
cd "$(dirname "$0")/../.."
host=$(rustc -vV | sed -n 's/^host: //p')
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
commit=$(git rev-parse --short=12 HEAD)
git diff --quiet HEAD || commit=$commit-dirty
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
target_folder=${CARGO_TARGET_DIR:-$PWD/target}
out=${OUT:-$PWD/target/releases/$version}
files=${OUT:+$OUT.files}
files=${files:-$PWD/target/package-files}
rm -rf "$out" "$files"
mkdir -p "$out" "$files/completions"

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
ready() {
    rustup target add "$1" >/dev/null 2>&1 || { left_out="$left_out $1(no standard library)"; return 1; }
    case $1 in
    "$host") linker=cc ;;
    x86_64-unknown-linux-musl) linker=musl-gcc ;;
    aarch64-unknown-linux-gnu) linker=aarch64-linux-gnu-gcc ;;
    aarch64-unknown-linux-musl) linker=aarch64-linux-musl-gcc ;;
    *) linker=$1-gcc ;;
    esac
    command -v "$linker" >/dev/null || { left_out="$left_out $1(no $linker)"; return 1; }
    name=$(echo "$1" | tr a-z- A-Z_)
    export "CARGO_TARGET_${name}_LINKER=$linker" "CC_$(echo "$1" | tr - _)=$linker"
}

if [ -n "${PROGRAM:-}" ]; then
    targets=$host
    program_of() { echo "$PROGRAM"; }
    program=$PROGRAM
else
    targets=${*:-x86_64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-gnu aarch64-unknown-linux-musl}
    built=""
    proxy/console/build.sh
    for target in $targets; do
        ready "$target" || continue
        cargo build --locked --profile dist --package rolegate --features aws --target "$target"
        built="$built $target"
    done
    targets=$built
    program_of() { echo "$target_folder/$1/dist/rolegate"; }
    # Pages and completions are the same for all: one that runs here writes them.
    program=""
    for target in $targets; do
        [ -n "$program" ] || ! "$(program_of "$target")" --version >/dev/null 2>&1 || program=$(program_of "$target")
    done
    [ -n "$program" ] || { echo "none of the targets runs on this machine:$targets$left_out" >&2; exit 1; }
fi

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
    command -v cargo-deb >/dev/null || cargo install --locked cargo-deb
    for target in $targets; do
        case $target in *-gnu) cargo deb --quiet --package rolegate --profile dist --no-build --no-strip --target "$target" --output "$out" ;; esac
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
