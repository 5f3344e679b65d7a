#!/bin/sh
# ./dev bench release: release in place against filling fresh memory.
set -eu
cd "$(dirname "$0")/.."
build=build/bench
[ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DTENSORHOLD_BENCHMARKS=ON -DTENSORHOLD_CLI=OFF >/dev/null
cmake --build "$build" --target release_bench >/dev/null
table=$("$(find "$build" -type f -name release_bench -perm -u+x | head -n 1)")
cat >docs/bench/release.md <<TEXT
# Release in place

    ./dev bench release

1 GiB of mapped, warm, live tensors becomes private memory at the same addresses. Beside it, in turn
in the same run: filling 1 GiB of fresh memory with huge pages by pread or by memcpy, which is what
any way to own the bytes costs at least. Medians.

Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores visible, Linux $(uname -r | cut -d- -f1).

$table
TEXT
cat docs/bench/release.md
