#!/bin/sh
# ./dev bench open: header parse and validation, ours against the reference package.
set -eu
cd "$(dirname "$0")/.."
build=build/bench
[ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DTENSORHOLD_BENCHMARKS=ON -DTENSORHOLD_CLI=OFF >/dev/null
cmake --build "$build" --target open_bench >/dev/null
program=$(find "$build" -type f -name open_bench -perm -u+x | head -n 1)
exec .venv/bin/python bench/open.py "$program" --docs docs/bench "$@"
