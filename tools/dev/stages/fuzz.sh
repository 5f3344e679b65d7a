# Stages fuzz and fuzz_long: each target for a fixed time, from the stored corpus, all at once.

prepare_fuzz() { need_fuzz; }

stage_fuzz() { fuzz_for "${TENSORHOLD_FUZZ_SECONDS:-30}"; }

stage_fuzz_long() { fuzz_for "${TENSORHOLD_FUZZ_SECONDS:-300}"; }

# fuzz_for SECONDS
fuzz_for() {
  local seconds=$1 target passed=0 failed=0
  local -A running=()
  need_tests
  need_fuzz
  build fuzz
  for target in header round_trip; do
    mkdir -p "build/fuzz/found/$target"
    "build/fuzz/bin/${target}_fuzz" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
      -rss_limit_mb=2048 -timeout=20 -dict=fuzz/header.dict -artifact_prefix="build/fuzz/found/$target-" \
      "build/fuzz/found/$target" "fuzz/corpus/$target" >"build/logs/fuzz-$target.log" 2>&1 &
    running[$target]=$!
  done
  for target in "${!running[@]}"; do
    if wait "${running[$target]}"; then
      passed=$((passed + 1))
      echo "$target: $(grep -E 'number_of_executed_units' "build/logs/fuzz-$target.log")"
    else
      failed=$((failed + 1))
      tail -n 40 "build/logs/fuzz-$target.log"
    fi
  done
  echo "$passed passed, $failed failed, 0 skipped"
  [ "$failed" -eq 0 ]
}
