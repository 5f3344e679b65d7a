#!/usr/bin/env bash
# suite.sh wine8|wine10 FOLDER [all|paths|rest]: runs every *_test.exe of FOLDER; with `paths` only
# those that take another path without placeholders, with the tests of the command (tests/cli) where
# that is wine8; with `rest` the others. Ends with the line
# `N passed, N failed, N skipped` (single tests). Exits with 1 if one failed, 3 if that Wine cannot be
# had. A program that crashes or runs out of time counts as one failure, beside the tests it finished.
set -euo pipefail
. "$(dirname "$0")/common.sh"

version=${1:?wine8 or wine10}
folder=$(cd "${2:?folder with test programs}" && pwd)
which=${3:-all}
results=$windows_build/results-$version-$which

# Programs in which nothing asks whether Windows has placeholders: nothing mapped is released,
# replaced or closed while it is held.
same=" base_test cli_test format_test load_test lock_test tensor_test windows_file_test "

# wanted NAME: whether that program belongs to what is asked for. One that is new runs everywhere.
wanted() {
  case $which in
  paths) [[ $same != *" $1 "* ]] ;;
  rest) [[ $same = *" $1 "* ]] ;;
  *) true ;;
  esac
}

rm -rf "$results"
mkdir -p "$results"
cd "$results"

shopt -s nullglob
programs=("$folder"/*_test.exe)
# Not status 3: a build that left the tests out is a defect, and not something this machine lacks.
[ ${#programs[@]} -gt 0 ] || { echo "no test programs in $folder" >&2; exit 1; }
run=$windows_root/tools/windows/run.sh
# Makes the prefix; where that Wine cannot be had, the reason is the last line.
status=0
"$run" "$version" cmd.exe /c exit >setup.txt 2>&1 || status=$?
[ "$status" -ne 3 ] || cannot "$(tail -1 setup.txt)"

for program in "${programs[@]}"; do
  name=$(basename "$program" .exe)
  wanted "$name" || continue
  status=0
  "$run" "$version" -t "${TENSORHOLD_WINE_TIMEOUT:-300}" "$program" \
    >"$name.log" 2>&1 </dev/null || status=$?
  echo "$status" >"$name.status"
done

# command_test MODULE: the command from outside, as on Linux.
command_test() {
  local name=command_${1#test_}_test status=0
  timeout "${TENSORHOLD_WINE_COMMAND_TIMEOUT:-900}" \
    python3 -m unittest discover -s "$windows_root/tests/cli" -p "$1.py" -v \
    >"$name.log" 2>&1 </dev/null || status=$?
  echo "$status" >"$name.status"
}

# Under one Wine: the command has no code for either path. Three at once, because they wait most of
# the time.
if [ "$version" = wine8 ] && [ "$which" != rest ]; then
  cat >tensorhold <<EOF
#!/bin/sh
exec "$run" wine8 -t 50 "$folder/tensorhold.exe" "\$@"
EOF
  chmod +x tensorhold
  export TENSORHOLD_COMMAND=$PWD/tensorhold TENSORHOLD_TEST_DATA=$windows_root/tests/data
  export TENSORHOLD_ON_WINE=1 windows_root
  export -f command_test
  printf '%s\n' "$windows_root"/tests/cli/test_*.py | sed 's|.*/||; s|\.py$||' |
    xargs -P 3 -I '{}' bash -euc 'command_test {}'
fi
exec python3 "$windows_root/tools/windows/summarize.py" "$version" "$results"
