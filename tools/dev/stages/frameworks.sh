# Stage frameworks: the adapters of jax and flax, TensorFlow, PaddlePaddle and mlx, each with its
# framework, against the reference package. In .venv-frameworks, which takes about 5 GB.

frameworks_packages=(pytest==9.2.0 numpy==2.4.6 ml_dtypes==0.6.0 safetensors==0.8.0)
declare -A framework_packages=(
  [flax]="jax==0.10.2 jaxlib==0.10.2 flax==0.12.8"
  [tensorflow]="tensorflow==2.21.0"
  [paddle]="paddlepaddle==3.3.1"
  [mlx]="mlx[cpu]==0.32.4")

prepare_frameworks() {
  local venv=$root/.venv-frameworks adapter
  need_python scikit-build-core==1.1.2 nanobind==2.15.0 "${frameworks_packages[@]}"
  for adapter in flax tensorflow paddle mlx; do
    # Its words are packages. One that cannot be had leaves the others.
    # shellcheck disable=SC2086
    (need_python ${framework_packages[$adapter]}) || true
  done
}

stage_frameworks() {
  local venv=$root/.venv-frameworks passed=0 failed=0 skipped=0 adapter
  need_tensorhold "${frameworks_packages[@]}"
  mkdir -p "$root/build/python"
  for adapter in flax tensorflow paddle mlx; do
    # Its words are packages.
    # shellcheck disable=SC2086
    framework_tests "$adapter" ${framework_packages[$adapter]}
  done
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

# framework_tests ADAPTER PACKAGE...: one framework's tests, in a process of their own, added to the
# counts of the stage.
framework_tests() {
  local adapter=$1 status=0 report=$root/build/python/$1.xml counts p f s
  shift
  # A subshell, because need_python exits where it cannot install.
  (need_python "$@") || {
    echo "skipped: test_$adapter.py: cannot install $*"
    skipped=$((skipped + 1))
    return 0
  }
  rm -f "$report"
  "$venv/bin/python" -m pytest "tests/python/frameworks/test_$adapter.py" --junitxml="$report" ||
    status=$?
  # A process that broke off, or that failed in no test, is a failure of its own.
  counts=$(python3 "$root/tools/dev/count_junit.py" "$report") || counts="0 passed, 0 failed, 0 skipped"
  echo "$counts" | sed '$s/^/'"$adapter"': /'
  read -r p _ f _ s _ < <(tail -n 1 <<<"$counts")
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
