#!/usr/bin/env bash
# soak.sh [MINUTES] [--seed N] [--place NAME]... [--json] [OPTION...]: attacks folders on each
# filesystem that may be mounted here, one after the other, for MINUTES in all (10). Names what is
# left out. Whatever it mounts is unmounted at its end, however it ends. Status 1: something was
# found.
#
# Other options go to the program: build/dev/bin/soak --help.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

all_places=(folder tmpfs ext4 xfs btrfs overlayfs lockfs lockfs-sharing lockfs-failing)
minutes='' seconds='' chosen=() options=() seed=''
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help)
    sed -n '2,/^set -e/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    echo "places: ${all_places[*]}"
    exit
    ;;
  --json) options+=("$1") ;;
  --place | --seed | --seconds | --processes | --threads | --hang-seconds | --plant)
    [ $# -ge 2 ] || { echo "soak: $1 needs a value" >&2; exit 2; }
    case $1 in
    --place) chosen+=("$2") ;;
    --seed) seed=$2 ;;
    --seconds) seconds=$2 ;;
    *) options+=("$1" "$2") ;;
    esac
    shift
    ;;
  *)
    [[ -z $minutes && $1 =~ ^[0-9]+$ ]] ||
      { echo "soak: what is '$1'? See ./dev soak --help" >&2; exit 2; }
    minutes=$1
    ;;
  esac
  shift
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${all_places[@]}")
for name in "${chosen[@]}"; do
  [[ " ${all_places[*]} " == *" $name "* ]] ||
    { echo "soak: no place '$name'; there is: ${all_places[*]}" >&2; exit 2; }
done
seconds=${seconds:-$((${minutes:-10} * 60))}
seed=${seed:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

# The stage builds once for all its runs.
if [ -z "${TENSORHOLD_SOAK_BUILT:-}" ]; then
  log=build/logs/soak-build.log
  mkdir -p build/logs
  need_tests
  build dev -- soak lockfs >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }
fi

# On the disk that the work folder is on; the mounts are below it.
work=$(mktemp -d "$root/build/soak.XXXXXX")
mounts=() running='' elsewhere=''
leave() {
  local mount
  if [ -n "$running" ]; then
    kill "$running" 2>/dev/null || true
    wait "$running" || true
  fi
  [ -z "$elsewhere" ] || rm -rf "$elsewhere"
  for mount in "${mounts[@]}"; do
    as_root umount "$mount" 2>/dev/null || as_root umount -l "$mount" 2>/dev/null ||
      fusermount3 -uz "$mount" 2>/dev/null || true
  done
  rm -rf --one-file-system "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

# mount_place NAME: makes the folder $work/NAME. Fails with the reason as the last line said.
mount_place() {
  local name=$1 folder=$work/$1 image=$work/$1.image
  mkdir "$folder"
  case $name in
  folder) return ;;
  tmpfs) as_root mount -t tmpfs -o size=1G,mode=0777 tensorhold "$folder" ;;
  ext4 | xfs | btrfs)
    truncate -s 1G "$image"
    "mkfs.$name" -q "$image" || { echo "mkfs.$name fails"; return 1; }
    as_root mount -o loop "$image" "$folder"
    ;;
  overlayfs)
    # The files lie in the lower layer, so that each is copied up by the first who changes it.
    mkdir "$work/low" "$work/up"
    as_root mount -t tmpfs -o size=1G,mode=0777 tensorhold "$work/up"
    mounts=("$work/up" "${mounts[@]}")
    mkdir "$work/up/upper" "$work/up/work"
    build/dev/bin/soak --prepare "$work/low" "${options[@]}"
    as_root mount -t overlay -o "lowerdir=$work/low,upperdir=$work/up/upper,workdir=$work/up/work" \
      tensorhold "$folder"
    ;;
  lockfs*)
    [ -r /dev/fuse ] && [ -w /dev/fuse ] || { echo "this user has no /dev/fuse"; return 1; }
    mkdir "$work/$name.backing"
    local switches=()
    [ "$name" != lockfs-sharing ] || switches=(--sharing)
    build/dev/bin/lockfs --background "${switches[@]}" "$folder" "$work/$name.backing"
    ;;
  esac
  mounts=("$folder" "${mounts[@]}")
}

arguments=()
for name in "${chosen[@]}"; do
  # Not in a subshell: the list of mounts is kept.
  if mount_place "$name" >"$work/why" 2>&1; then
    arguments+=("$name=$work/$name")
  else
    echo "left out: $name: $(tail -n 1 "$work/why")" >&2
  fi
done
[ ${#arguments[@]} -gt 0 ] || cannot "none of the places can be had here"

mkdir "$work/elsewhere"
elsewhere=$work/elsewhere
# Moves go to another filesystem than that of the place.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
  elsewhere=$(mktemp -d /dev/shm/tensorhold-soak.XXXXXX)
fi
status=0
# Not in the foreground, where a signal to this script would wait for its end. The program finds
# what hangs; the time limit is for the case that it hangs itself.
timeout -k 10 $((seconds * 2 + 400)) build/dev/bin/soak --seed "$seed" --seconds "$seconds" \
  --elsewhere "$elsewhere" "${options[@]}" "${arguments[@]}" &
running=$!
wait "$running" || status=$?
running=''
exit "$status"
