#!/bin/bash
# A daemon that was given a control group to divide (as systemd does with Delegate=): it goes into supervisor/, each worker
# has a group of its own that goes with it, children in other sessions included, and nothing of all that is left at the end.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

group=

clean() {
  show_clean
  [ -z "$group" ] || {
    echo 1 >"$group/cgroup.kill"
    until_true 5 'the group can be removed' removed
  } 2>/dev/null
}
trap clean EXIT

removed() {
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || [ ! -e "$group" ]
}

# The first mount of cgroup v2 where a group can be made that can be killed as a whole.
make_group() {
  local point
  while read -r point; do
    group=$point/procpool-show-$$
    mkdir "$group" 2>/dev/null || continue
    [ ! -e "$group/cgroup.kill" ] || return 0
    rmdir "$group"
  done < <(awk '/ - cgroup2 / { print $5 }' /proc/self/mountinfo)
  group=
  return 1
}

# mark: systemd's mark on what it delegates.
mark() {
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$group" 2>"$show_scratch/mark"
}

# start_in_group VARIABLE: a daemon as the main process of a service; its log is from the beginning.
start_in_group() {
  socket=$show_scratch/socket
  # shellcheck disable=SC2016
  bash -c 'echo $$ >"$1/cgroup.procs"; shift; export "$1=$$"; shift; exec "$@"' bash "$group" "$1" \
    "$show_build/daemon/procpoold" --socket "$socket" \
    --set "default.command={\"$show_build/worker/procpool-worker\", \"--load\", \"$functions\"}" \
    --set default.workers=2 >"$show_scratch/daemon.log" 2>&1 </dev/null &
  daemon_pid=$!
  export PROCPOOL_SOCKET=$socket
  until_true 20 "the daemon answers" answers
}

# group_of PID: below the one that was given.
group_of() {
  sed -n "s,^0::.*/procpool-show-$$,,p" "/proc/$1/cgroup"
}

leaves() {
  find "$group/w" -mindepth 1 -type d 2>/dev/null | wc -l
}

are_leaves() {
  [ "$(leaves)" -eq "$1" ]
}

functions=$show_build/tests/functions/.libs/functions.so
[ -e "$functions" ] || { echo "the test functions are not built: make check TESTS="; exit 77; }
if ! make_group || ! mark; then
  echo 'no control group of version 2 can be made here: that needs root, and Linux 5.14'
  exit 77
fi

echo "\$ SYSTEMD_EXEC_PID=\$\$ exec procpoold        (in $group, user.delegate=1)"
start_in_group SYSTEMD_EXEC_PID
sed -n 's/^.*\(each worker gets.*\)$/  \1/p' "$show_scratch/daemon.log"
# "Where the daemon has a control group to divide – the service has one –, each worker gets a group of its own below it."
expect 'group of the daemon' /supervisor "$(group_of "$daemon_pid")"
until_true 20 'both workers have one' are_leaves 2
workers=$(pgrep -P "$daemon_pid" | sort -n | paste -sd' ')
for worker in $workers; do
  echo "  group of worker $worker: $(group_of "$worker")"
  [[ "$(group_of "$worker")" =~ ^/w/[0-9]+$ ]] || fail "worker $worker is in $(cat "/proc/$worker/cgroup")"
done

echo '$ procpool apply shell "setsid sleep 1000 & kill -9 \$PPID"'
status=0
procpool apply shell '"setsid sleep 1000 >/dev/null 2>&1 & echo $! >'"$show_scratch"'/child; kill -9 $PPID"' 2>"$show_scratch/died" || status=$?
sed 's/^/  /' "$show_scratch/died"
child=$(cat "$show_scratch/child")
is_gone() {
  ! kill -0 "$child" 2>/dev/null
}
# "When the worker ends, all that is left in its group is killed, in whatever session it is."
until_true 5 "process $child, in a session of its own, goes with its worker" is_gone
echo "  process $child, in a session of its own, went with it"
until_true 20 'the leaf of the dead went, the next one has another' are_leaves 2

echo '$ kill (the daemon)'
stop_daemon
expect 'groups left' 0 "$(find "$group" -mindepth 1 -type d | wc -l)"

echo '$ the same again, killed with KILL in the middle'
start_in_group SYSTEMD_EXEC_PID
until_true 20 'both workers have one' are_leaves 2
kill -9 "$daemon_pid"
wait "$daemon_pid" 2>/dev/null || true
daemon_pid=
echo "  groups left: $(find "$group" -mindepth 1 -type d | wc -l)"
start_in_group SYSTEMD_EXEC_PID
expect 'group of the next daemon' /supervisor "$(group_of "$daemon_pid")"
until_true 20 'the old leaves went' are_leaves 2
stop_daemon
expect 'groups left' 0 "$(find "$group" -mindepth 1 -type d | wc -l)"

echo '$ exec procpoold                             (not the main process of a service)'
start_in_group NOBODYS_EXEC_PID
expect 'group of the daemon' '' "$(group_of "$daemon_pid")"
expect 'groups' 0 "$(find "$group" -mindepth 1 -type d | wc -l)"
stop_daemon
