# shellcheck shell=bash disable=SC2154
# Steps with a name, a log and one line on the terminal. Sourced by ./quickstart and tests/check.sh,
# which set $build, the directory of the logs.

passed=0
failed=0
skipped=0

# say RESULT SECONDS NAME: the line of one step.
say() {
  printf '%-7s %6s  %s\n' "$1" "${2:+$2 s}" "$3"
}

# elapsed SINCE: seconds since an $EPOCHREALTIME, with one digit.
elapsed() {
  local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
  printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

# allowed_skip TEST: whether tests/skips.txt lists it, in whichever built tree; prints the reason that stands there.
allowed_skip() {
  local name reason test=${1%% in build/*}
  while IFS='|' read -r name reason; do
    name=${name%"${name##*[![:space:]]}"}
    if [ -n "$name" ] && [ "${name:0:1}" != '#' ] && [ "$name" = "$test" ]; then
      printf '%s' "${reason# }"
      return 0
    fi
  done <tests/skips.txt
  return 1
}

# count_skip SECONDS TEST: a skip is fine only with a reason in tests/skips.txt.
count_skip() {
  local reason
  if reason=$(allowed_skip "$2"); then
    skipped=$((skipped + 1))
    say SKIP "$1" "$2: $reason"
  else
    failed=$((failed + 1))
    say FAILED "$1" "$2: skipped, but tests/skips.txt has no line for it"
    return 1
  fi
}

# run LOG LIMIT COMMAND…: output to build/LOG.log, nothing on stdin, killed after LIMIT (as timeout(1) takes it).
run() {
  local log=$build/$1.log limit=$2
  shift 2
  timeout --kill-after=10s "$limit" "$@" >"$log" 2>&1 </dev/null
}

# show_tail LOG [LINES]: the errors of a log and its end, set off from the steps.
show_tail() {
  {
    grep -anE '(^|[^a-z_])(error|Error|ERROR)(:| [0-9])|^(FAIL|ERROR|XPASS)|\*\*\*' "$build/$1.log" | head -n 20
    echo ...
    tail -n "${2:-40}" "$build/$1.log"
  } | sed 's/^/        | /'
  echo "        | (all of it: $build/$1.log)"
}

# step LOG LIMIT NAME COMMAND…: runs it and counts one result. A command that exits 77 was skipped: NAME is
# then looked up in tests/skips.txt. Returns 0 if it passed or was rightly skipped.
step() {
  local log=$1 limit=$2 name=$3 begin=$EPOCHREALTIME status=0
  shift 3
  run "$log" "$limit" "$@" || status=$?
  case $status in
  0)
    passed=$((passed + 1))
    say ok "$(elapsed "$begin")" "$name"
    return 0
    ;;
  77)
    count_skip "$(elapsed "$begin")" "$name" && return 0
    ;;
  124 | 137)
    failed=$((failed + 1))
    say FAILED "$(elapsed "$begin")" "$name: stopped after $limit (status $status)"
    ;;
  *)
    failed=$((failed + 1))
    say FAILED "$(elapsed "$begin")" "$name: status $status"
    ;;
  esac
  show_tail "$log"
  return 1
}
