#!/usr/bin/env bash
# Builds the release: an archive with LICENSE for each platform, their hashes, and krew's manifest with them.
#
#   deploy/release.sh                  every platform that this machine can build for
#   deploy/release.sh linux-amd64 …    these platforms, or fail
#
# A platform needs its Rust target (`rustup target add TARGET`) and, when it is not this machine's, a linker named
# in CARGO_TARGET_<TARGET>_LINKER. GNU tar makes the archives (TAR names another one). Same sources, same
# toolchain, same bytes: dates are those of SOURCE_DATE_EPOCH or of the last commit.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A target=(
    [linux-amd64]=x86_64-unknown-linux-gnu
    [linux-arm64]=aarch64-unknown-linux-gnu
    [darwin-amd64]=x86_64-apple-darwin
    [darwin-arm64]=aarch64-apple-darwin
    [windows-amd64]=x86_64-pc-windows-gnu
    [windows-arm64]=aarch64-pc-windows-gnullvm
)
platforms=(linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64)

tar=${TAR:-tar}
dist=${DIST:-dist}
build=${CARGO_TARGET_DIR:-target}
version=v$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
host=$(rustc -vV | sed -n 's/^host: //p')
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

fail() {
    echo "error: $*" >&2
    exit 1
}

# Why a target cannot be built here; nothing when it can.
missing() {
    local name=$1 linker
    linker=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$name")_LINKER
    if [[ ! -d $(rustc --print target-libdir --target "$name" 2>/dev/null) ]]; then
        echo "Rust target $name is not installed"
    elif [[ $name != "$host" && -z ${!linker:-} ]]; then
        echo "$linker does not name a linker"
    fi
}

archive() {
    local platform=$1 name=${target[$1]} program=kubectl-infer built=$build/release cross=() stage
    [[ $platform == windows-* ]] && program+=.exe
    [[ $name == "$host" ]] || { cross=(--target "$name") built=$build/$name/release; }
    cargo build --release --locked --package kubectl-infer "${cross[@]}"
    stage=$(mktemp -d)
    install -m 755 "$built/$program" "$stage/$program"
    install -m 644 LICENSE "$stage/LICENSE"
    "$tar" --create --directory "$stage" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
        --numeric-owner LICENSE "$program" | gzip -9n >"$dist/kubectl-infer-$version-$platform.tar.gz"
    rm -r "$stage"
}

# krew's manifest with the platforms whose archive is there, and its hash. The validator wants the plugin's name as
# the file's name.
manifest() {
    local line block="" name="" hash
    flush() {
        if [[ -z $name ]]; then
            printf '%s' "$block"
        elif [[ -f $dist/$name ]]; then
            hash=$(sha256sum "$dist/$name" | cut -d ' ' -f 1)
            printf '%s' "$block" | sed "s/sha256: .*/sha256: \"$hash\"/"
        fi
        block="" name=""
    }
    while IFS= read -r line; do
        [[ $line == "#"* ]] && continue
        [[ $line == "  - selector:" ]] && flush
        [[ $line == "    uri: "* ]] && name=${line##*/}
        block+=$line$'\n'
    done <krew-manifest.yaml
    flush
}

grep -q "^  version: $version\$" krew-manifest.yaml ||
    fail "krew-manifest.yaml is not of $version, the version in Cargo.toml"
"$tar" --version | grep -q GNU || fail "$tar is not GNU tar: name it in TAR"

mkdir -p "$dist"
for platform in "${@:-${platforms[@]}}"; do
    [[ -v target[$platform] ]] || fail "unknown platform $platform, there are ${platforms[*]}"
    why=$(missing "${target[$platform]}")
    if [[ -z $why ]]; then
        archive "$platform"
    elif [[ $# -gt 0 ]]; then
        fail "$platform: $why"
    else
        echo "skipped $platform: $why"
    fi
done

manifest >"$dist/infer.yaml"
(cd "$dist" && sha256sum kubectl-infer-"$version"-*.tar.gz | tee SHA256SUMS)
