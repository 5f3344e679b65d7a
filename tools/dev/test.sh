#!/usr/bin/env bash
# test.sh [STAGE...]: runs all stages, or the named ones, and adds up their tests. The log of each is
# build/logs/STAGE.log. The last line is `N passed, N failed, N skipped`; the status is 1 when a test
# failed.
#
# A stage is a function stage_NAME in stages/*.sh. It prints its tests' output, and as the last line
# the counts; status 3 says that it cannot run here, and the last line why.
set -uo pipefail
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1
for file in tools/dev/stages/*.sh; do . "$file"; done

# What fails fast comes first.
stages=(lint native python torch frameworks oracle story consumers fuzz asan tsan wine8 wine10)

[ "${1:-}" = --list ] && { echo "${stages[*]}"; exit; }
for stage in "$@"; do
  declare -F "stage_$stage" >/dev/null ||
    { echo "no stage '$stage'; there is: ${stages[*]}" >&2; exit 2; }
done
[ $# -gt 0 ] && stages=("$@")

export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$root
mkdir -p build/logs "$CCACHE_DIR"
passed=0 failed=0 skipped=0
for stage in "${stages[@]}"; do
  log=build/logs/$stage.log
  printf '%-10s ' "$stage"
  begin=$SECONDS
  # Not followed by ||, which would turn -e off inside.
  (export TENSORHOLD_SAY_TO=4; set -e; "stage_$stage") 4>&1 >"$log" 2>&1 </dev/null
  status=$?
  took=$((SECONDS - begin))
  counts=$(grep -oE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
  if [ "$status" -eq 3 ]; then
    counts="0 passed, 0 failed, 1 skipped"
    echo "skipped: $(tail -n 1 "$log")"
  else
    # A stage that broke off before it could count is a failure of its own.
    counts=${counts:-0 passed, 0 failed, 0 skipped}
    read -r _ _ f _ <<<"$counts"
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then counts=${counts/ 0 failed/ 1 failed}; fi
    echo "$counts (${took} s)"
  fi
  read -r p _ f _ s _ <<<"$counts"
  if [ "$f" -ne 0 ]; then
    echo "--- the end of $log"
    tail -n 60 "$log"
    echo "---"
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
