#!/bin/bash
# Time-outs and retries, and the job log.
. "$(dirname "$0")/lib.sh"

private map --item-timeout 0.2 --common null hang 1
is 'exit code' 1 "$status"
has stderr 'item 0: ItemTimeout: the item took longer than 200 ms' "$err"

private map --timeout 0.3 wait_for "\"$scratch/never\""
is 'exit code' 1 "$status"
has stderr 'the call took longer than its limit (timeoutMs 300)' "$err"

echo 'An item that kills its worker is tried as often as asked:'
private map --retries 2 --tag crash '"segv"'
is 'exit code' 1 "$status"
has 'the third attempt' '"attempts":3' "${out//: /:}"

echo 'A line for each item, with what became of it:'
private map --joblog "$scratch/log" --common 2 crash_if 1 2 3
is 'exit code' 1 "$status"
sed 's/^/  /' "$scratch/log"
is 'lines' 4 "$(wc -l <"$scratch/log")"
is 'head' $'index\tstart\tduration\tattempts\tstatus' "$(head -n 1 "$scratch/log")"
is 'what became of them' $'0 ok\n1 WorkerDied\n2 ok' "$(tail -n +2 "$scratch/log" | cut -f 1,5 | tr '\t' ' ')"
grep -qE $'^0\t[0-9]+\\.[0-9]{6}\t[0-9]+\\.[0-9]{6}\t1\tok$' "$scratch/log" || fail 'not its times'

private map --joblog "$scratch/nowhere/log" square 1
is 'exit code' 74 "$status"
has stderr 'cannot write the job log' "$err"
echo 'A full disk is told, and the results are there all the same:'
private map --joblog /dev/full square 2
is 'exit code' 74 "$status"
is 'result' 4 "$out"

run map --retries -1 square 1
is 'exit code' 2 "$status"
run map --item-timeout 0 square 1
is 'exit code' 2 "$status"
has stderr "--item-timeout takes seconds, such as 30 or 0.5, not '0'" "$err"
