# Stage python: the Python package in .venv, its tests, its types.

python_packages=(pytest==9.2.0 numpy==2.2.6 ml_dtypes==0.6.0 mypy==2.4.1)

prepare_python() { need_python scikit-build-core==1.1.2 nanobind==2.15.0 "${python_packages[@]}"; }

stage_python() {
  local status=0 report=$root/build/python/pytest.xml
  need_tensorhold "${python_packages[@]}"
  mkdir -p "$root/build/python"
  rm -f "$report"
  "$root/.venv/bin/python" -m pytest tests/python --ignore=tests/python/frameworks \
    --junitxml="$report" || status=$?
  python3 "$root/tools/dev/count_junit.py" "$report" || return 1
  return "$status"
}
