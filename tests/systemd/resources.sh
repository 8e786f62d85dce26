#!/bin/bash
# What the service and its workers may have, under a real systemd: a control group for each worker, MemoryMax, who is taken
# first where memory runs out, and that nothing of it is in the way of the next start.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

unit=procpool.service

# The control group of a process, in version 2.
group_of() {
  sed -n 's/^0:://p' "/proc/$1/cgroup"
}

workers() {
  pgrep -P "$(daemon)" | sort -n
}

# have_leaves NUMBER
have_leaves() {
  local worker n=0
  for worker in $(workers); do
    [[ "$(group_of "$worker")" =~ ^/system.slice/$unit/w/[0-9]+$ ]] || return 1
    n=$((n + 1))
  done
  [ "$n" -eq "$1" ]
}

groups_below() {
  find "$top/system.slice/$unit" -mindepth 1 -type d 2>/dev/null | wc -l
}

is_gone() {
  ! kill -0 "$1" 2>/dev/null
}

oom_score() {
  cat "/proc/$1/oom_score_adj"
}

top=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
[ -n "$top" ] || { echo "there is no control group of version 2"; exit 77; }

echo '$ dpkg --install procpool_*.deb               (and two pools)'
install_procpool
install_functions
useradd --groups procpool member
command="{\"$worker\", \"--load\", \"$functions\"}"
printf 'pool default { command = %s workers = 2 }\npool small { command = %s workers = 1 memory_max = 64M pids_max = 20 }\n' \
  "$command" "$command" >"$conf/conf.d/test.conf"
enable_socket
expect 'a map prints' '1 4 9' "$(as member procpool map default/square 1 2 3 | paste -sd' ')"

first=$(daemon)
expect 'group of the daemon' "/system.slice/$unit/supervisor" "$(group_of "$first")"
until_true 20 'each worker has a group of its own' have_leaves 3
for worker in $(workers); do
  echo "  group of worker $worker: $(group_of "$worker")"
done
expect 'OOMScoreAdjust' -200 "$(property OOMScoreAdjust)"
score=$(oom_score "$first")
echo "  oom_score_adj of the daemon: $score"
[ "$score" -eq -200 ] || echo '  (to lower it is not allowed to systemd here)'
for worker in $(workers); do
  expect "oom_score_adj of worker $worker" $((score + 200)) "$(oom_score "$worker")"
done

echo '$ procpool apply default/shell "setsid sleep 1000 & kill -9 (its worker)"'
# The child's number gets out through the name of its process: /tmp is the service's own.
status=0
# shellcheck disable=SC2016
as member procpool apply default/shell '"setsid sleep 71755 >/dev/null 2>&1 & sleep 0.5; kill -9 $PPID"' 2>"$show_scratch/died" &
calling=$!
child_runs() {
  pgrep -x -f 'sleep 71755' >"$show_scratch/child"
}
until_true 10 'the child in a session of its own runs' child_runs
child=$(cat "$show_scratch/child")
echo "  group of process $child, in a session of its own: $(group_of "$child")"
wait "$calling" || status=$?
sed 's/^/  /' "$show_scratch/died"
[ "$status" -ne 0 ] || fail 'the call did not fail'
until_true 5 'the child goes with its worker' is_gone "$child"
echo '  it is gone'
until_true 20 'the next worker has a group' have_leaves 3
expect 'the same daemon' "$first" "$(daemon)"

leaf=$top$(group_of "$(workers | head -n 1)")
if [ -e "$leaf/memory.max" ]; then
  echo '$ procpool apply small/eat 500000000          (memory_max = 64M)'
  status=0
  as member procpool apply small/eat 500000000 >"$show_scratch/out" 2>&1 || status=$?
  sed 's/^/  /' "$show_scratch/out"
  grep -q 'out of memory (memory_max = 64M)' "$show_scratch/out" || fail 'the item does not say so'
  expect 'pids.max' 20 "$(cat "$top/system.slice/$unit"/w/*/pids.max | grep -v max)"
else
  echo "  (the kernel has memory and pids in control groups of version 1 here: leaves have no limits)"
  journalctl --no-pager --unit="$unit" | grep -o 'pool small: pids_max is not in force.*' | head -n 1 | sed 's/^/  /' |
    grep . || fail 'nobody says that pids_max is not in force'
fi

echo "\$ systemctl set-property --runtime $unit MemoryMax=200M; procpool map default/eat 20000000 1000000000 30000000"
systemctl set-property --runtime "$unit" MemoryMax=200M
status=0
as member procpool map --tag default/eat 20000000 1000000000 30000000 >"$show_scratch/out" 2>&1 || status=$?
sed 's/^/  /' "$show_scratch/out"
[ "$status" -ne 0 ] || fail 'nothing failed'
expect 'items with a result' 2 "$(grep -c '"result"' "$show_scratch/out")"
grep '"index": *1,' "$show_scratch/out" | grep -q 'WorkerDied.*out of memory' || fail 'the item does not say that it was memory'
expect 'the same daemon' "$first" "$(daemon)"
expect 'service' active "$(systemctl is-active "$unit")"
expect 'the next map' '36' "$(as member procpool map default/square 6)"
systemctl set-property --runtime "$unit" MemoryMax=infinity

echo '$ systemctl restart, five times'
for _ in 1 2 3 4 5; do
  systemctl restart "$unit" || fail 'it does not start again' "$(systemctl status --no-pager "$unit")"
  expect 'group of the daemon' "/system.slice/$unit/supervisor" "$(group_of "$(daemon)")"
done
expect 'restarts by systemd' 0 "$(property NRestarts)"

echo '$ kill -9 (the daemon), three times'
for _ in 1 2 3; do
  before=$(daemon)
  kill -9 "$before"
  until_true 20 'another daemon runs' another_daemon "$before"
  expect 'group of the daemon' "/system.slice/$unit/supervisor" "$(group_of "$(daemon)")"
done
expect 'restarts by systemd' 3 "$(property NRestarts)"
expect 'a map prints' '1 4 9' "$(as member procpool map default/square 1 2 3 | paste -sd' ')"
until_true 20 'no group is left of those before' have_leaves 3
expect 'groups: supervisor, w, and one for each worker' 5 "$(groups_below)"
! journalctl --no-pager --unit="$unit" | grep -q 219/CGROUP || fail 'a start failed with 219/CGROUP'

echo '$ systemctl stop'
systemctl stop procpool.socket "$unit"
expect 'result' success "$(property Result)"
expect 'groups left' 0 "$(groups_below)"
