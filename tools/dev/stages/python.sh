# Stage python: the Python package in .venv, its tests, its types.

stage_python() {
  local status=0 report=$root/build/python/pytest.xml
  need_tensorhold pytest==9.2.0 numpy==2.2.6 ml_dtypes==0.6.0 mypy==2.4.1
  mkdir -p "$root/build/python"
  rm -f "$report"
  "$root/.venv/bin/python" -m pytest tests/python --ignore=tests/python/frameworks \
    --junitxml="$report" || status=$?
  python3 "$root/tools/dev/count_junit.py" "$report" || return 1
  return "$status"
}
