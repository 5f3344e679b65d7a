#!/usr/bin/env bash
# wine10.sh: a Debian 13 with its Wine 10 in a folder of the cache, because Debian 12's Wine 8 lacks
# placeholders. About a minute the first time; nothing when it is there. Prints the folder.
set -euo pipefail
. "$(dirname "$0")/common.sh"

folder=$windows_cache/wine10
make_wine10() {
  local mirror
  [ ! -e "$folder/.ready" ] || return 0
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || cannot "apt names no Debian archive on this machine"
  need_packages debootstrap util-linux  # which exits where it cannot
  mkdir -p "$windows_cache"
  as_root rm -rf --one-file-system "$folder" || cannot "cannot remove $folder"
  as_root debootstrap --variant=minbase trixie "$folder" "$mirror" >"$windows_cache/wine10.log" 2>&1 ||
    cannot "debootstrap failed; see $windows_cache/wine10.log"
  # The mounts live in a namespace of their own and end with it, whatever happens.
  as_root unshare --mount --propagation private sh -euc '
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    chroot "$1" apt-get -qq install -y --no-install-recommends wine
    chroot "$1" apt-get clean' sh "$folder" >>"$windows_cache/wine10.log" 2>&1 ||
    cannot "Wine 10 cannot be installed; see $windows_cache/wine10.log"
  as_root touch "$folder/.ready"
}
locked wine10 make_wine10
echo "$folder"
