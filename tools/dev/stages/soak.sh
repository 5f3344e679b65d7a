# Stage soak: 60 s of ./dev soak, divided among the places that every machine has, and the soak's
# own test: it finds each fault that is planted.

stage_soak() {
  local place passed=0 failed=0 skipped=0
  need_tests
  build dev -- soak lockfs
  export TENSORHOLD_SOAK_BUILT=1
  soak_counts() {
    case $2 in
    0) passed=$((passed + 1)) ;;
    3) skipped=$((skipped + 1)) ;;
    *)
      failed=$((failed + 1))
      echo "FAILED: $1"
      ;;
    esac
  }
  for place in tmpfs folder lockfs lockfs-sharing lockfs-failing; do
    local status=0
    tools/dev/soak.sh --seconds 12 --place "$place" || status=$?
    soak_counts "$place" "$status"
  done
  soak_finds wrong-byte 'tensor [0-9]*, byte [0-9]*: found'
  soak_finds lost-file '"lost": [1-9]'
  soak_finds hang '"hang": [1-9]'
  soak_finds odd-error 'not_a_file'
  soak_finds leftover 'of-a-stranger'
  soak_finds crash 'ended with signal 11'
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

# soak_finds PLANT PATTERN: a soak with a planted fault fails, and its result has the pattern.
soak_finds() {
  local status=0 said patience=60
  [ "$1" != hang ] || patience=3
  said=$(tools/dev/soak.sh --seconds 5 --hang-seconds "$patience" --processes 1 --threads 1 \
    --place tmpfs --json --plant "$1") || status=$?
  if [ "$status" -eq 1 ] && grep -q "$2" <<<"$said"; then
    soak_counts "plant $1" 0
  else
    echo "status $status: $said"
    soak_counts "plant $1" 1
  fi
}
