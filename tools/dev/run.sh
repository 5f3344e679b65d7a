#!/usr/bin/env bash
# run.sh [FILE]: builds, and tells the story of holds on FILE or on a shipped model: on lockfs, a
# filesystem that refuses what Windows refuses, where the machine has FUSE, else on the one there is.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
file=${1:-tests/data/silero-vad-16k.safetensors}
log=build/logs/build.log

# Where it can be had: makes it and mounts it on $work/mount. Else says why on the last line.
mount_lockfs() {
  [ -r /dev/fuse ] && [ -w /dev/fuse ] || { echo "this user has no /dev/fuse"; return 1; }
  need_tests || return
  build dev -- lockfs || { echo "lockfs could not be built"; return 1; }
  mkdir "$work/mount" "$work/files"
  build/dev/bin/lockfs --background --sharing "$work/mount" "$work/files"
}

# Lazily, so that it ends even if something still has a file there.
leave() {
  if mountpoint -q "$work/mount"; then
    fusermount3 -u "$work/mount" 2>/dev/null || fusermount3 -uz "$work/mount" || true
  fi
  rm -rf --one-file-system "$work"
}

need_build
echo "building (log: $log)"
mkdir -p build/logs
build release >"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }

work=$(mktemp -d)
trap leave EXIT
trap 'exit 130' INT TERM HUP
folder=$work
if (mount_lockfs) >>"$log" 2>&1; then
  folder=$work/mount
  echo "the story's files are on lockfs, which holds files as Windows does"
else
  echo "the story's files are in $folder, not on lockfs: $(tail -n 1 "$log")"
fi
build/release/bin/tensorhold demo "$file" --work "$folder"

echo "building the Python package into .venv"
if (need_tensorhold) >>"$log" 2>&1; then
  echo ".venv/bin/python has it: import tensorhold"
else
  echo "no Python package: $(tail -n 1 "$log")"
fi
