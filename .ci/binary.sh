#!/usr/bin/env bash
# Builds the operator's binary as the image has it, and prints its path. The same commit, Rust, C compiler and C library make the same
# bytes, wherever the sources lie. FEATURES names features of the crate, PROFILE a folder that profile.sh has made for these sources.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

target=${TARGET:-$(uname -m)-unknown-linux-gnu}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

sysroot=$(rustc --print sysroot)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
# With glibc, whose heap the chart sets, and for which performance is measured. Its own look-up of names works when linked statically,
# since glibc 2.34, by /etc/hosts and DNS. The flag of getrandom, a crate, has random numbers come from the kernel by name: it looks for
# the function at run time otherwise, which no static binary has, and falls back to a file in /dev. Packed relocations are half a
# megabyte less; the C library knows them since 2.36.
flags=(-C target-feature=+crt-static '-Clink-arg=-Wl,-z,pack-relative-relocs' --cfg 'getrandom_backend="linux_getrandom"'
  "--remap-path-prefix=$root=/source" "--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$sysroot=/rust")
# Two ways to build have two folders: one would build all anew after the other.
build=${CARGO_TARGET_DIR:-target}
case ${PROFILE:-} in
  "") ;;
  instrument)
    build=.build/profile/instrumented
    flags+=("-Cprofile-generate=$root/.build/profile/counts")
    ;;
  *)
    PROFILE=$(realpath "$PROFILE")
    build=.build/profile/optimized
    flags+=("-Cprofile-use=$PROFILE/counts.profdata")
    # Code that never runs isn't mapped into memory if it doesn't stand between code that does. Rust's linker on this architecture knows how.
    [[ $target != x86_64-* ]] || flags+=("-Clink-arg=-Wl,--symbol-ordering-file=$PROFILE/order,--no-warn-symbol-ordering")
    ;;
esac
# A path may have spaces.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
# The sources' times and places stay out of what C compilers write, too.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$root=/source"
export CARGO_TARGET_DIR=$build
cargo build --quiet --locked --release --target "$target" --package migration-task-watch --bin migration-task-watch \
  --features "${FEATURES:-}" >&2
echo "$build/$target/release/migration-task-watch"
