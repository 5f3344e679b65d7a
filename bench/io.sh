#!/usr/bin/env bash
# ./dev bench io: loads and saves against what the machine can do at most, and against the packages
# that people use, on a disk, on tmpfs and on a filesystem that answers late.
set -euo pipefail
. "$(dirname "$0")/../tools/dev/common.sh"
cd "$root"
need_tensorhold torch==2.13.0 fastsafetensors==0.5.0 runai-model-streamer==0.17.0
build=build/bench
# Each time: another benchmark may have configured the folder without the tests, which lockfs is in.
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DTENSORHOLD_BENCHMARKS=ON -DTENSORHOLD_TESTS=ON -DTENSORHOLD_CLI=OFF >/dev/null
cmake --build "$build" --target io_bench lockfs >/dev/null

# A mount that takes half a millisecond for each request, like a network.
work=$(mktemp -d -p "$build")
slow=$work/slow
leave() {
  mountpoint -q "$slow" && fusermount3 -uz "$slow"
  rm -rf --one-file-system "$work"
}
trap leave EXIT
mkdir "$slow" "$work/files"
"$(find "$build" -type f -name lockfs -perm -u+x | head -n 1)" --background --latency-us 500 \
  "$slow" "$work/files" || { echo "no lockfs here: nothing that answers late is measured" >&2; slow=; }
program=$(find "$build" -type f -name io_bench -perm -u+x | head -n 1)
.venv/bin/python bench/io_report.py "$program" --folder "$work" ${slow:+--slow "$slow"} \
  --docs docs/bench "$@"
