#!/usr/bin/env bash
# test.sh [STAGE...]: runs the default stages, the named ones, or `all`, which is the default ones and
# the extra ones, with every loop at its full length. Adds up their tests. The log of each is
# build/logs/STAGE.log. The last line is `N passed, N failed, N skipped`; the status is 1 when a test
# failed.
#
# A stage is a function stage_NAME in stages/*.sh. It prints its tests' output, and as the last line
# the counts; status 3 says that it cannot run here, and the last line why. A function prepare_NAME,
# where there is one, installs what the stage needs; all of them run one after the other beside
# the first stages, so that downloads do not wait for compilers.
set -uo pipefail
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1
for file in tools/dev/stages/*.sh; do . "$file"; done

# What fails fast comes first in each lane (below).
stages=(lint native python torch frameworks programs oracle story consumers soak fuzz asan tsan wine8 wine10)
# What only `all` runs besides.
extra=(stress fuzz_long programs_all wine8_rest)
# Has the machine for itself, after the others: it changes limits of the whole machine, under which an
# installation or a compiler beside it would fail.
alone=" native "
# Share nothing with any other stage but the processors, and ask nothing of the system that tests set
# or look at. They run one after the other beside the rest, which is also one after the other.
beside=" lint fuzz fuzz_long wine8 wine8_rest wine10 "

case ${1:-} in
--list) echo "${stages[*]}"; exit ;;
--list-extra) echo "${extra[*]}"; exit ;;
all)
  stages+=("${extra[@]}")
  export TENSORHOLD_STRESS=${TENSORHOLD_STRESS:-1}
  TENSORHOLD_STAGE_SECONDS=${TENSORHOLD_STAGE_SECONDS:-7200}
  shift
  ;;
esac
for stage in "$@"; do
  declare -F "stage_$stage" >/dev/null ||
    { echo "no stage '$stage'; there is: ${stages[*]}; only in 'all': ${extra[*]}" >&2; exit 2; }
done
[ $# -gt 0 ] && stages=("$@")

export TENSORHOLD_STRESS=${TENSORHOLD_STRESS:-0.1}
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$root
mkdir -p build/logs "$CCACHE_DIR"

# The seconds after which a stage counts as hung.
limit=${TENSORHOLD_STAGE_SECONDS:-1200}

# processes_of STAGE: those that a stage began, however far they went: they have its name in their
# environment.
processes_of() {
  grep -lzsxF "TENSORHOLD_STAGE=$$-$1" /proc/[0-9]*/environ | cut -d/ -f3
}

# end_processes STAGE: ends them; twice, for what they began meanwhile.
end_processes() {
  local pid
  for _ in 1 2; do
    for pid in $(processes_of "$1"); do kill -KILL "$pid"; done 2>/dev/null
  done
}

# end_hung STAGE: waits; then says where the stage's processes stand, and ends them.
end_hung() {
  local stage=$1 pid never
  # Not `sleep`, which would outlive this process.
  exec {never}<> <(:)
  read -rt "$limit" -u "$never"
  trap '' TERM  # the stage ends below; what it leaves is ended too
  echo "FAILED: the stage made no end within $limit s; its processes:"
  for pid in $(processes_of "$stage"); do
    ps -o pid=,ppid=,stat=,etime=,wchan:24=,args= -p "$pid" || true
  done
  for pid in $(processes_of "$stage"); do
    command -v gdb >/dev/null &&
      timeout -s KILL 20 gdb -nx -batch -p "$pid" -ex 'thread apply all bt 16' |
      grep -E '^(#|T)'
    echo "$pid in the kernel:" && as_root cat "/proc/$pid/stack"
  done 2>/dev/null
  kill -KILL "$(cat "build/logs/$stage.pid")"
  end_processes "$stage"
}

# run_stage NAME: runs it and prints its line; leaves its counts in build/logs/NAME.counts.
run_stage() {
  local stage=$1 log=build/logs/$1.log begin=$SECONDS status took cpu counts f
  rm -f "build/logs/$stage.counts" "$log.times"
  # One that hangs must not hide what the others say.
  : >"$log"
  end_hung "$stage" >>"$log" 2>&1 </dev/null &
  local watchman=$!
  # Not followed by ||, which would turn -e off inside.
  (
    export TENSORHOLD_SAY_TO=4 TENSORHOLD_SAY_AS=$stage "TENSORHOLD_STAGE=$$-$stage"
    echo "$BASHPID" >"build/logs/$stage.pid"
    trap 'times >"build/logs/'"$stage"'.log.times"' EXIT
    set -e
    "stage_$stage"
  ) 4>&1 >>"$log" 2>&1 </dev/null
  status=$?
  kill "$watchman"
  wait "$watchman"
  # Whoever reads the output of ./dev would wait for them.
  end_processes "$stage"
  rm -f "build/logs/$stage.pid"
  took=$((SECONDS - begin))
  # The second line of `times` is the children's: user and system, as 1m2.345s.
  cpu=$(awk 'NR == 2 { for (i = 1; i <= 2; ++i) { split($i, t, "m"); s += t[1] * 60 + t[2] } }
    END { printf "%d", s }' "$log.times" 2>/dev/null)
  rm -f "$log.times"
  counts=$(grep -oE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
  if [ "$status" -eq 3 ]; then
    counts="0 passed, 0 failed, 1 skipped"
    printf '%-10s skipped: %s\n' "$stage" "$(tail -n 1 "$log")"
  else
    # A stage that broke off before it could count is a failure of its own.
    counts=${counts:-0 passed, 0 failed, 0 skipped}
    read -r _ _ f _ <<<"$counts"
    if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then counts=${counts/ 0 failed/ 1 failed}; fi
    printf '%-10s %s (%s s, %s s of processors)\n' "$stage" "$counts" "$took" "${cpu:-?}"
  fi
  echo "$counts" >"build/logs/$stage.counts"
  read -r _ _ f _ <<<"$counts"
  if [ "$f" -ne 0 ]; then
    printf -- '--- the end of %s\n%s\n---\n' "$log" "$(tail -n 60 "$log")"
  fi
}

run_stages() {
  local stage
  for stage in "$@"; do run_stage "$stage"; done
}

# Quietly: a stage finds again what cannot be had, and says so.
prepare() {
  local stage
  for stage in "$@"; do
    if declare -F "prepare_$stage" >/dev/null; then (set -e; "prepare_$stage"); fi
  done
} >build/logs/prepare.log 2>&1 </dev/null

# Each lane is a process group of its own, so that it ends as a whole; without job control it would
# also ignore interrupts, which tests send.
running=()
start() {
  set -m
  "$@" &
  running+=($!)
  set +m
}
stop() {
  trap - INT TERM HUP
  local pid
  for pid in "${running[@]}"; do kill -TERM -- "-$pid" 2>/dev/null; done
  exit 130
}
trap stop INT TERM HUP

last=() one=() other=()
for stage in "${stages[@]}"; do
  rm -f "build/logs/$stage.counts"
  case $alone in *" $stage "*) last+=("$stage"); continue ;; esac
  case $beside in *" $stage "*) other+=("$stage") ;; *) one+=("$stage") ;; esac
done
start prepare "${stages[@]}"
preparing=${running[0]}
start run_stages "${other[@]}"
start run_stages "${one[@]}"
wait "$preparing" "${running[1]}" "${running[2]}"
start run_stages "${last[@]}"
wait "${running[3]}"

passed=0 failed=0 skipped=0
for stage in "${stages[@]}"; do
  # A lane that was killed left no counts.
  counts=$(cat "build/logs/$stage.counts" 2>/dev/null) || counts="0 passed, 1 failed, 0 skipped"
  read -r p _ f _ s _ <<<"$counts"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "all of it  $SECONDS s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
