#!/usr/bin/env bash
# Stages wine8, wine10 and wine8_rest: the whole project built for Windows, and its tests under Wine 10
# (the placeholder path) and under Wine 8 (the fallback path): there what takes that path, and in
# wine8_rest the others. Sourced by ./dev, or run alone:
#   tools/dev/stages/windows.sh wine8 wine10
# Each prints `N passed, N failed, N skipped` last. Status 3: cannot be had here, the last line says why.

windows_stage_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)

# Cross compiler, libraries, project.
windows_stage_build() {
  local root=$windows_stage_root build launcher=()
  build=$root/build/windows/release
  "$root/tools/windows/deps.sh" || return
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  {
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
      "-DCMAKE_TOOLCHAIN_FILE=$root/cmake/toolchains/mingw-w64.cmake" \
      -DTENSORHOLD_TESTS=ON -DTENSORHOLD_TEST_PCH=ON "-DCMAKE_RUNTIME_OUTPUT_DIRECTORY=$build/bin" "${launcher[@]}" &&
      cmake --build "$build" -j "$(nproc)"
  } >"$build.log" 2>&1 || {
    tail -40 "$build.log"
    return 1
  }
}

# windows_stage WINE all|paths|rest
windows_stage() {
  windows_stage_build || return
  "$windows_stage_root/tools/windows/suite.sh" "$1" "$windows_stage_root/build/windows/release/bin" \
    "$2"
}

prepare_wine8() {
  need_packages g++-mingw-w64-x86-64-posix mingw-w64-x86-64-dev dpkg-dev googletest wine wine64
}
prepare_wine10() { tools/windows/wine10.sh; }

stage_wine8() { windows_stage wine8 paths; }
stage_wine8_rest() { windows_stage wine8 rest; }
stage_wine10() { windows_stage wine10 all; }

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  worst=0
  for stage in "${@:-wine8}"; do
    status=0
    "stage_$stage" || status=$?
    [ "$status" -le "$worst" ] || worst=$status
  done
  exit "$worst"
fi
