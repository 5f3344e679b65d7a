# Sourced by the scripts of this folder: places, and the package sources of this machine.
# Every script prints a reason and exits with 3 when what it needs cannot be had.

windows_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
windows_build=$windows_root/build/windows
windows_cache=${TENSORHOLD_CACHE:-$windows_root/.cache}

cannot() {
  echo "$*" >&2
  exit 3
}

# Runs a command as root: as is, or through sudo where that asks for no password.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    cannot "needs root for: $1"
  fi
}

# Installs the missing ones of the given Debian packages.
need_packages() {
  local missing=() package
  command -v dpkg-query >/dev/null || cannot "needs a Debian system (no dpkg here)"
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y \
    --no-install-recommends "${missing[@]}" >/dev/null || cannot "cannot install ${missing[*]}"
}

# The machine's own Debian sources, one "URI RELEASE COMPONENT" a line.
debian_sources() {
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Identifier: Packages' | sed -n 's/^Debian //p' | sort -u
}

# URI of the machine's own main Debian archive: where its plain release comes from.
debian_mirror() {
  local release
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  debian_sources | awk -v release="$release" '$2 == release && $3 == "main" { print $1; exit }'
}
