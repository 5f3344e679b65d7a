# Stage torch: the adapter of torch and the drop-in, against the reference package; the story.

torch_packages=(pytest==9.2.0 numpy==2.2.6 ml_dtypes==0.6.0 safetensors==0.8.0 torch==2.13.0)

prepare_torch() { need_python "${torch_packages[@]}"; }

stage_torch() {
  local status=0 report=$root/build/python/torch.xml
  need_tests
  need_tensorhold "${torch_packages[@]}"
  build dev -- lockfs
  mkdir -p "$root/build/python"
  rm -f "$report"
  "$root/.venv/bin/python" -m pytest tests/python/reference tests/python/with_torch \
    tests/python/test_foreign.py tests/python/test_progress.py --junitxml="$report" || status=$?
  python3 "$root/tools/dev/count_junit.py" "$report" || return 1
  return "$status"
}
