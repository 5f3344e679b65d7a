# Sourced by the scripts of this folder: places, and the package sources of this machine.
# Every script prints a reason and exits with 3 when what it needs cannot be had.

. "$(dirname "${BASH_SOURCE[0]}")/../dev/common.sh"
windows_root=$root
windows_build=$root/build/windows
windows_cache=$cache

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
