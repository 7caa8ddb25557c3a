# What passed, failed and was skipped. Sourced by tests/run.
logs=target/tests
passed=0 failed=0 skipped=0
faults=()

pass() {
  passed=$((passed + 1))
  echo "   ok: $1"
}

fail() {
  failed=$((failed + 1))
  faults+=("$1: $2")
  echo "   FAILED: $1: $2"
}

skip() {
  skipped=$((skipped + 1))
  echo "   skipped: $1: $2"
}

# log_of NAME COMMAND… - runs a command within half an hour, its words in its log and, if it fails, their end here.
log_of() {
  local name=$1 status
  shift
  timeout 1800 "$@" >"$logs/$name.log" 2>&1
  status=$?
  [ $status -ne 124 ] || echo "error: not done within half an hour" >>"$logs/$name.log"
  [ $status -eq 0 ] || tail -n 60 "$logs/$name.log" | sed 's/^/   | /'
  return $status
}

# check NAME COMMAND… - one check: the command succeeds.
check() {
  if log_of "$@"; then pass "$1"; else fail "$1" "see $logs/$1.log"; fi
}

# add_counts NAME STATUS PASSED FAILED SKIPPED - the counts of a suite; one that failed without saying so counts as one.
add_counts() {
  local name=$1 status=$2 good=${3:-0} bad=${4:-0} left=${5:-0}
  if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then bad=1; fi
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
  echo "   $name: $good passed, $bad failed, $left skipped"
  [ "$bad" -eq 0 ] || faults+=("$name: $bad failed, see $logs/$name.log")
}

# sum PATTERN FILE - adds the numbers that the first group of an extended regular expression finds.
sum() {
  sed -nE "s/.*$1.*/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# summary - what the logs of the failed suites say comes last, beside their names: of a long output often only the end is kept.
summary() {
  local fault log
  for fault in "${faults[@]+"${faults[@]}"}"; do
    for log in $(grep -oE "$logs/[^ ,]+\.log" <<<"$fault"); do
      [ ! -e "$log" ] || said "${fault%%:*}" "$log"
    done
  done
  for fault in "${faults[@]+"${faults[@]}"}"; do echo "FAILED $fault"; done
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}
