# Stage oracle: headers and saved files against the reference package.

stage_oracle() {
  local failed=0 passed=0 python=$root/.venv/bin/python
  need_tests
  need_python safetensors==0.8.0 numpy==2.2.6
  build dev -- header_verdict save_driver
  oracle_test() { if "$python" "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }
  oracle_test tests/oracle/test_headers.py build/dev/bin/header_verdict
  oracle_test tests/oracle/test_save.py build/dev/bin/save_driver
  echo "$passed passed, $failed failed, 0 skipped"
  [ "$failed" -eq 0 ]
}
