# Stages of tests that run on this machine as it is: native, asan, tsan.

stage_native() {
  need_tests
  build dev
  run_ctest dev
}

# The loops of other threads beside a release, as long as docs/guarantees.md says.
stage_stress() {
  local status=0 report=$root/build/dev/stress.xml
  need_tests
  build dev -- release_stress_test
  rm -f "$report"
  TENSORHOLD_STRESS=1 build/dev/bin/release_stress_test --gtest_output="xml:$report" || status=$?
  python3 "$root/tools/dev/count_junit.py" "$report" || return 1
  return "$status"
}

stage_asan() {
  need_tests
  build asan
  # A lying length must not become a large allocation: more than this at once ends the test.
  export ASAN_OPTIONS=max_allocation_size_mb=4096:detect_stack_use_after_return=1
  export UBSAN_OPTIONS=print_stacktrace=1
  run_ctest asan
}

stage_tsan() {
  need_tests
  build tsan
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  # GCC 12's runtime does not know the memory layout of kernels that randomise it further.
  if setarch "$(uname -m)" -R true 2>/dev/null; then
    run_ctest tsan setarch "$(uname -m)" -R
  else
    run_ctest tsan
  fi
}
