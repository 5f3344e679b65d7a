#!/usr/bin/env bash
# run.sh wine8|wine10 [-t SECONDS] PROGRAM [ARGUMENT...]: runs a Windows program from anywhere below
# the project's folder and exits as it does; 124 after SECONDS (300), 3 when that Wine cannot be had.
# Environment variables with the prefix TENSORHOLD_ and GTEST_ reach the program.
set -euo pipefail
. "$(dirname "$0")/common.sh"

version=${1:?wine8 or wine10}
shift
seconds=300
if [ "${1:-}" = -t ]; then
  seconds=$2
  shift 2
fi

export WINEDEBUG=${WINEDEBUG:--all} WINEPREFIX=$windows_build/prefix-$version
export WINEDLLOVERRIDES='mscoree=;mshtml=;winemenubuilder.exe=' DISPLAY=
mkdir -p "$WINEPREFIX"

# In the C locale Wine cannot name files beyond ASCII.
export LC_ALL=C.UTF-8

case $version in
wine8)
  need_packages wine wine64
  case $(wine64 --version 2>/dev/null || wine --version 2>/dev/null) in
  wine-8.*) ;;
  *) cannot "the machine's Wine is not Wine 8" ;;
  esac
  exec 4>&-  # Wine's server lives on for a while, and must not keep the caller's pipe open
  exec timeout --kill-after=10 "$seconds" wine "$@" 2> >(grep -v -e wine32 -e multiarch >&2)
  ;;
wine10)
  folder=$("$windows_root/tools/windows/wine10.sh")
  # Mounts of its own, so that nothing is left behind; the project is at its own path inside.
  exec 4>&-
  as_root timeout --kill-after=10 "$seconds" unshare --mount --propagation private \
    sh -euc 'folder=$1 project=$2 here=$3; shift 3
      mkdir -p "$folder$project"
      mount -t proc proc "$folder/proc"
      mount --rbind /dev "$folder/dev"
      mount --rbind "$project" "$folder$project"
      exec chroot "$folder" env -C "$here" HOME=/root wine "$@"' \
    sh "$folder" "$windows_root" "$PWD" "$@"
  ;;
*) cannot "no such Wine: $version" ;;
esac
