#!/bin/bash
# Wrong usage is named, with exit code 2, before anything is started.
. "$(dirname "$0")/lib.sh"

wrong() { # PART-OF-STDERR ARGUMENT…
  local part=$1
  shift
  run "$@" </dev/null
  is 'exit code' 2 "$status"
  has stderr "$part" "$err"
}

wrong 'Usage:'
wrong "no command 'frob'" frob
wrong "unrecognized option '--frob'" --frob map square
wrong "unrecognized option '--frob'" map --frob square
wrong 'which function?' map
wrong 'which function?' apply
wrong 'which request?' cancel
wrong 'one request at a time' cancel 1 2
wrong "--chunk-size takes a number from 1 on, not 'x'" map --chunk-size x square 1
wrong "--chunk-size takes a number from 1 on, not '0'" map --chunk-size 0 square 1
wrong "--max-workers takes a number from 1 on, not '-1'" map --max-workers -1 square 1
wrong "--max-workers takes a number from 1 on, not '4294967296'" map --max-workers 4294967296 square 1
wrong "--priority takes a number from -20 to 19, not '20'" map --priority 20 square 1
wrong "--priority takes a number from -20 to 19, not '-21'" apply --priority=-21 square 1
wrong "--priority takes a number from -20 to 19, not ''" map --priority= square 1
wrong "--priority takes a number from -20 to 19, not '1.5'" map --priority 1.5 square 1
wrong "--workers takes a number from 1 on, not 'two'" --private --workers two map square 1
wrong '--workers needs --private' --workers 2 map square 1
wrong '--load needs --private' --load x.so map square 1
wrong '--worker needs --private' --worker x map square 1
wrong '--load is for the stock worker' --private --worker x --load y map square 1
wrong 'a quote is not closed' --private --worker "a 'b" map square 1
wrong '--socket and --private exclude each other' --private --socket x map square 1
wrong 'run is for --private' run -- true
wrong 'which program?' --private run
wrong '--strings is about items that are arguments' map --strings echo
wrong '--lines is about stdin' map --lines echo 1
wrong '--lines and --null exclude each other' map --lines -0 echo
wrong '--raw makes no sense with --array' map --raw --array echo 1
wrong 'no pool offers this function' --private map nosuch 1
wrong 'the common value is not JSON' --private map --common foo echo 1

echo 'Every command explains itself:'
for command in '' map apply status functions requests cancel ping run; do
  # shellcheck disable=SC2086
  "$procpool" $command --help >"$scratch/out" 2>&1 || fail "procpool $command --help"
  grep -q 'Exit codes:' "$scratch/out" || fail "procpool $command --help says no exit codes"
  grep -q '^  procpool .*\|^  seq ' "$scratch/out" || fail "procpool $command --help has no example"
  echo "  procpool $command --help: $(wc -l <"$scratch/out") lines"
done
