# Stage lint: format, clang-tidy, layers, and rules on files that no other tool knows.

lint_packages=(clang-format-16 clang-tidy-16 clang-16)

prepare_lint() { need_packages "${lint_packages[@]}"; }

stage_lint() {
  local passed=0 failed=0
  need_tests
  need_packages "${lint_packages[@]}"
  # check NAME COMMAND...: one check, which prints what it finds.
  check() {
    local name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
      failed=$((failed + 1))
      echo "FAILED: $name"
    fi
  }
  check format lint_format
  check layers python3 tools/check_layers.py
  check "files of at most 500 lines" lint_lengths
  check "folders of at most 25 files" lint_folders
  check "no note to do something later" lint_notes
  check clang-tidy lint_tidy
  echo "$passed passed, $failed failed, 0 skipped"
  [ "$failed" -eq 0 ]
}

# lint_files PATTERN...: the tracked files. None is an error: a check of nothing would pass.
lint_files() {
  local files
  files=$(git ls-files "$@") && [ -n "$files" ] || {
    echo "git lists no files here; is this a checkout of this user?" >&2
    return 1
  }
  echo "$files"
}

lint_format() {
  local files
  files=$(lint_files '*.cpp' '*.hpp' '*.h') || return
  xargs clang-format-16 --dry-run --Werror <<<"$files"
}

lint_lengths() {
  local files long
  files=$(lint_files '*.cpp' '*.hpp' '*.h' '*.py' '*.sh' '*.cmake') || return
  long=$(xargs wc -l <<<"$files" | awk '$1 > 500 && $2 != "total"')
  [ -z "$long" ] || { echo "$long"; return 1; }
}

# Files count that stand in the folder itself. Only folders of data have more: what a fuzzer found, and
# the files that tests read.
lint_folders() {
  local files crowded
  files=$(lint_files) || return
  crowded=$(sed 's|^|./|; s|/[^/]*$||' <<<"$files" | grep -vE '^\./(fuzz/corpus|tests/data)(/|$)' |
    sort | uniq -c | awk '$1 > 25')
  [ -z "$crowded" ] || { echo "$crowded"; return 1; }
}

# The word is put together, so that this line does not find itself.
lint_notes() {
  local status=0
  git grep -nE "\b(TO""DO|FIX""ME|X""XX)\b" -- . ':!LICENSE' || status=$?
  [ "$status" -eq 1 ]  # nothing found; more than 1 is an error of git's own
}

# Only what this system compiles; headers through the files that include them.
lint_tidy() {
  local files status
  locked build-dev cmake --preset dev -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null || return
  files=$(python3 - <<'TEXT'
import json
for entry in json.load(open("build/dev/compile_commands.json")):
    if "/src/" in entry["file"] or "/cli/" in entry["file"]:
        print(entry["file"])
TEXT
  ) && [ -n "$files" ] || return 1
  # Every finding is an error (.clang-tidy), so the status tells all, a crash of the tool as well.
  status=0
  xargs -P "$(nproc)" -n 4 clang-tidy-16 --quiet -p build/dev \
    --extra-arg=-Wno-unknown-warning-option <<<"$files" >build/logs/tidy.txt 2>&1 || status=$?
  grep -vE '^[0-9]+ warnings? (and [0-9]+ errors? )?generated|^Suppressed|^Use -header-filter' \
    build/logs/tidy.txt || true
  return "$status"
}
