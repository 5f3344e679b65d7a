# Stage lint: format, clang-tidy, layers, and rules on files that no other tool knows.

stage_lint() {
  local passed=0 failed=0
  need_tests
  need_packages clang-format-16 clang-tidy-16 clang-16
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
  check "no note to do something later" lint_notes
  check clang-tidy lint_tidy
  echo "$passed passed, $failed failed, 0 skipped"
  [ "$failed" -eq 0 ]
}

lint_sources() { git ls-files '*.cpp' '*.hpp' '*.h'; }

lint_format() { lint_sources | xargs clang-format-16 --dry-run --Werror; }

lint_lengths() {
  local long
  long=$(git ls-files '*.cpp' '*.hpp' '*.h' '*.py' '*.sh' '*.cmake' |
    xargs wc -l | awk '$1 > 500 && $2 != "total"')
  [ -z "$long" ] || { echo "$long"; return 1; }
}

# The word is put together, so that this line does not find itself.
lint_notes() { ! git grep -nE "\b(TO""DO|FIX""ME|X""XX)\b" -- . ':!LICENSE'; }

# Only what this system compiles; headers through the files that include them.
lint_tidy() {
  cmake --preset dev -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null || return
  python3 - <<'TEXT' | xargs -P "$(nproc)" -n 4 clang-tidy-16 --quiet -p build/dev \
    --extra-arg=-Wno-unknown-warning-option 2>&1 |
import json
for entry in json.load(open("build/dev/compile_commands.json")):
    if "/src/" in entry["file"] or "/cli/" in entry["file"]:
        print(entry["file"])
TEXT
    grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header-filter' |
    tee build/logs/tidy.txt
  ! grep -qE '(warning|error):' build/logs/tidy.txt
}
