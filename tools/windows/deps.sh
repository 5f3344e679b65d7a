#!/usr/bin/env bash
# deps.sh: the cross compiler, and the libraries that the Windows build links, all static, below
# build/windows/deps. Sources are those of this machine's own Debian release. Does nothing when all
# is there.
set -euo pipefail
. "$(dirname "$0")/common.sh"

prefix=$windows_build/deps
work=$windows_build/deps-work
toolchain=$windows_root/cmake/toolchains/mingw-w64.cmake

# Fetches the source package $1 into the folder $work/$1, through a list of sources of our own.
fetch_source() {
  local apt=$work/apt state
  local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=-"
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=")
  if [ ! -e "$apt/updated" ]; then
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    debian_sources | sed 's/^/deb-src /' >"$apt/sources.list"
    [ -s "$apt/sources.list" ] || cannot "apt names no Debian sources on this machine"
    apt-get "${options[@]}" -qq update || cannot "cannot fetch the list of source packages"
    touch "$apt/updated"
  fi
  rm -rf "${work:?}/$1" "$work/$1.get"
  mkdir -p "$work/$1.get"
  (cd "$work/$1.get" && apt-get "${options[@]}" -qq source "$1" >/dev/null) ||
    cannot "cannot fetch the source package $1"
  state=$(find "$work/$1.get" -mindepth 1 -maxdepth 1 -type d | head -1)
  mv "$state" "$work/$1"
  rm -rf "$work/$1.get"
}

# build NAME SOURCE [CMAKE ARGUMENT...]: configure, build, install, stamp.
build() {
  local name=$1 source=$2 launcher=()
  shift 2
  [ -e "$prefix/.$name" ] && return
  echo "building $name for Windows"
  [ -d "$source" ] || fetch_source "$(basename "$source")"
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  {
    cmake -S "$source" -B "$work/$name-build" -G Ninja "-DCMAKE_TOOLCHAIN_FILE=$toolchain" \
      "-DCMAKE_INSTALL_PREFIX=$prefix" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
      -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -Wno-dev "${launcher[@]}" "$@" &&
      cmake --build "$work/$name-build" -j "$(nproc)" &&
      cmake --install "$work/$name-build"
  } >"$work/$name.log" 2>&1 || {
    tail -20 "$work/$name.log" >&2
    cannot "$name does not build for Windows; see $work/$name.log"
  }
  touch "$prefix/.$name"
}

mkdir -p "$prefix" "$work"
need_packages g++-mingw-w64-x86-64-posix mingw-w64-x86-64-dev cmake ninja-build dpkg-dev \
  libcli11-dev googletest
build simdjson "$work/simdjson" -DSIMDJSON_DEVELOPER_MODE=OFF
build fmt "$work/fmtlib" -DFMT_TEST=OFF -DFMT_DOC=OFF
build googletest /usr/src/googletest -DINSTALL_GTEST=ON
if [ ! -e "$prefix/.cli11" ]; then
  # Header only: what Debian installs for this machine serves for Windows too.
  mkdir -p "$prefix/include" "$prefix/share/cmake"
  cp -r /usr/include/CLI "$prefix/include/"
  cp -r "$(dirname "$(dpkg -L libcli11-dev | grep '/CLI11Config.cmake$')")" "$prefix/share/cmake/"
  touch "$prefix/.cli11"
fi
