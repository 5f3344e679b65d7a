#!/usr/bin/env bash
# ./dev bench save: durable saves and edits in place against what the device can do at most, and
# saves against the reference package with fsync.
set -euo pipefail
. "$(dirname "$0")/../tools/dev/common.sh"
cd "$root"
need_tensorhold torch==2.13.0 fastsafetensors==0.5.0 runai-model-streamer==0.17.0
build=build/bench
[ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DTENSORHOLD_BENCHMARKS=ON -DTENSORHOLD_CLI=OFF >/dev/null
cmake --build "$build" --target save_bench edit_bench >/dev/null

# A filesystem that shares bytes between files, in an image on the disk that is measured.
work=$(mktemp -d -p "$build")
sharing=$work/sharing
leave() {
  ! mountpoint -q "$sharing" || umount "$sharing"
  rm -rf --one-file-system "$work"
}
trap leave EXIT
mkdir "$sharing" "$work/files"
share() {
  [ "$(id -u)" = 0 ] && truncate -s 4G "$work/image" && mkfs.xfs -q "$work/image" &&
    mount -o loop "$work/image" "$sharing"
}
share 2>/dev/null || { echo "cannot mount xfs here: nothing that shares is measured" >&2; sharing=; }
programs=$(dirname "$(find "$build" -type f -name save_bench -perm -u+x | head -n 1)")
.venv/bin/python bench/save_report.py "$programs" --folder "$work/files" \
  ${sharing:+--sharing "$sharing"} --docs docs/bench "$@"
