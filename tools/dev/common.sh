# Sourced by ./dev and by every script below tools/: places, and installing what is missing.
# A script that cannot have what it needs says why and exits with 3.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${TENSORHOLD_CACHE:-$root/.cache}
# Where need_python and need_tensorhold install; a stage may set another.
venv=$root/.venv
# What need_python gives pip besides; a stage may set others.
pip_options=()

# What is worth knowing while it happens. Not to the standard output, which callers of scripts read;
# within ./dev test also to where that prints, because a stage's output goes to its log.
say() {
  echo "$*" >&2
  if [ -n "${TENSORHOLD_SAY_TO:-}" ]; then
    echo "  ${TENSORHOLD_SAY_AS:-}: $*" >&"$TENSORHOLD_SAY_TO"
  fi
}

cannot() {
  echo "$*" >&2
  exit 3
}

# locked NAME FUNCTION [ARGUMENT...]: runs it while no other script of this checkout runs one under
# that name: stages of ./dev test and what they install run side by side. The function tests every
# command's status itself; -e is off in it.
locked() {
  local handle status=0
  mkdir -p "$root/build/locks"
  exec {handle}>"$root/build/locks/$1"
  flock "$handle"
  # In a subshell that has no handle on the lock, which what it leaves running would keep.
  (exec {handle}>&- && "${@:2}") || status=$?
  exec {handle}>&-
  [ "$status" -ne 3 ] || exit 3  # what `cannot` said holds for the caller too
  return "$status"
}

# Runs a command as root: as is, or through sudo where that asks for no password.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    cannot "needs root for: $*"
  fi
}

installed() {
  dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq "$@" >/dev/null
}

# Installs those of the given Debian packages that are missing; asks the network for nothing when
# none is.
need_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null ||
    cannot "needs a Debian or Ubuntu system, or these installed by hand: $*"
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  locked packages install_packages "${missing[@]}"
}

install_packages() {
  say "installing $*"
  apt_get install -y --no-install-recommends "$@" 2>/dev/null && return
  # The lists of packages may be absent or old.
  apt_get update || true
  apt_get install -y --no-install-recommends "$@" || cannot "cannot install $*"
}

# Makes $venv with the given Python packages (name==version).
need_python() {
  need_packages python3 python3-venv
  locked "${venv##*/}" install_python "$@"
}

install_python() {
  local missing=() package
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || cannot "cannot make $venv"
  for package in "$@"; do
    "$venv/bin/python" -c "
import importlib.metadata as m, sys
name, _, version = sys.argv[1].partition('==')
name = name.partition('[')[0]
sys.exit(m.version(name).partition('+')[0] != version)" "$package" 2>/dev/null || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing into ${venv##*/}: ${missing[*]}"
  # Python compiles what is imported when it is imported: of the frameworks that is a small part.
  "$venv/bin/python" -m pip install -q --no-compile --disable-pip-version-check \
    "${pip_options[@]}" "${missing[@]}" ||
    cannot "cannot install ${missing[*]}"
}

# build_with_pip PYTHON COMMAND...: pip install or wheel of this tree, with what PYTHON has and the
# system's CMake and Ninja (others on the PATH may be slow wrappers, which scikit-build-core gives
# up on).
build_with_pip() {
  PATH=/usr/bin:$PATH CMAKE_CXX_COMPILER_LAUNCHER=ccache TENSORHOLD_WERROR=ON \
    "$1" -m pip "$2" -q --disable-pip-version-check --no-build-isolation --no-deps "${@:3}"
}

# Makes $venv with the package tensorhold, built from here. Its Python part is used in place; what
# is compiled is as of now. A folder of objects each, because CMake keeps paths into the environment.
need_tensorhold() {
  need_build
  need_packages ccache python3-dev
  need_python scikit-build-core==1.1.2 nanobind==2.15.0 "$@"
  locked "${venv##*/}" build_with_pip "$venv/bin/python" install -e "$root" \
    --config-settings=build-dir="build/python/${venv##*/}/{wheel_tag}"
}

# What building the library and the command line takes.
need_build() {
  need_packages g++ cmake ninja-build libsimdjson-dev libfmt-dev libcli11-dev
}

# What building and running the tests takes besides.
need_tests() {
  need_build
  need_packages ccache libgtest-dev libgmock-dev libfuse3-dev fuse3 pkgconf python3 \
    e2fsprogs xfsprogs btrfs-progs
}

# What the fuzz targets take: GCC has no libFuzzer.
need_fuzz() {
  need_tests
  need_packages clang-16 libclang-rt-16-dev
}

# build PRESET [CMAKE ARGUMENT...] [-- TARGET...]: configures and builds.
build() {
  locked "build-$1" build_preset "$@"
}

build_preset() {
  local preset=$1 launcher=() targets=() settings=()
  shift
  while [ $# -gt 0 ]; do
    [ "$1" = -- ] && { shift; targets=(--target "$@"); break; }
    settings+=("$1")
    shift
  done
  if [ "$preset" = fuzz ]; then settings+=(-DCMAKE_CXX_COMPILER=clang++-16); fi
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  (cd "$root" && cmake --preset "$preset" "${launcher[@]}" "${settings[@]}" >/dev/null &&
    cmake --build "build/$preset" -j "$(nproc)" "${targets[@]}")
}

# run_ctest PRESET [WRAPPER...]: runs the tests of a preset with ctest, started by the wrapper, and
# ends with the line of counts.
run_ctest() {
  local status=0 report=$root/build/$1/ctest.xml
  rm -f "$report"
  "${@:2}" ctest --test-dir "$root/build/$1" -j "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit "$report" || status=$?
  python3 "$root/tools/dev/count_junit.py" "$report" || return 1
  return "$status"
}
