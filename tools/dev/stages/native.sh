# Stages of tests that run on this machine as it is: native, asan, tsan.

stage_native() {
  need_tests
  build dev
  run_ctest dev
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
