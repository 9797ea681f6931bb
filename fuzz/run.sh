#!/usr/bin/env bash
# Hands bytes of a fuzzer to the targets, each for so many seconds:
#   run.sh <seconds> [<target> ...]
# FUZZ_SEED repeats a search; without it, each is another.
# Begins with what is in corpus/. What it finds on the way stays in .build/fuzz/corpus; an input that makes a target
# fail is in .build/fuzz/failures, and belongs into corpus/<target>/ with the mend, where cargo test runs it too.
set -euo pipefail

seconds=$1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
build=$root/.build/fuzz
triple=$(rustc -vV | sed -n 's/^host: //p')

targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
  mapfile -t targets < <(basename -s .rs "$here"/fuzz_targets/*.rs)
fi

driver=$("$root/.ci/venv.sh" "$here/requirements.txt" "$root/.build/fuzz-driver")
# The counters of coverage are no stable feature of the compiler. No sanitizer: there is no unsafe code here, and it takes
# half of the speed.
RUSTC_BOOTSTRAP=1 "$driver/cargo-fuzz" fuzz build --sanitizer none --fuzz-dir "$here" --target-dir "$build/target" --target "$triple"

for target in "${targets[@]}"; do
  echo "== $target, for $seconds seconds"
  mkdir -p "$build/corpus/$target" "$build/failures/$target"
  log=$build/$target.log
  if ! "$build/target/$triple/release/$target" -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=3072 -max_len=8192 \
    -print_final_stats=1 -artifact_prefix="$build/failures/$target/" "$build/corpus/$target" "$here/corpus/$target" 2> "$log"; then
    tail -n 60 "$log" >&2
    echo "error: $target fails; the input is in ${build#"$root"/}/failures/$target" >&2
    exit 1
  fi
  sed -n 's/^stat::number_of_executed_units: */inputs tried: /p' "$log"
done
