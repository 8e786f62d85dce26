#!/bin/bash
# memory_max and pids_max in the control groups of workers. Not every machine has these controllers in version 2, so the
# group is played by files: what the daemon writes into them is looked at, and what the kernel would count is written there.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

group=
# In the built tree: not every /tmp has the attribute.
played=$show_build/procpool-show-$$

clean() {
  show_clean
  rm -rf "$played"
  [ -z "$group" ] || until_true 5 'the group can be removed' rmdir "$group" 2>/dev/null
}
trap clean EXIT

# A directory of a real group, over which the played one is mounted for the daemon alone.
make_group() {
  local point
  while read -r point; do
    group=$point/procpool-show-$$
    mkdir "$group" 2>/dev/null && return
  done < <(awk '/ - cgroup2 / { print $5 }' /proc/self/mountinfo)
  group=
  return 1
}

mkdir "$played"
can_play() {
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$played" && unshare -m true
}
if ! make_group || ! can_play 2>"$show_scratch/cannot"; then
  echo 'a control group and a mount for it need root, and a file system with attributes'
  exit 77
fi
echo "cpuset cpu io memory pids" >"$played/cgroup.controllers"

socket=$show_scratch/socket
# The file systems end with the daemon, which alone sees them so.
# shellcheck disable=SC2016
SHOW_GROUP=$group SHOW_PLAYED=$played unshare -m bash -c '
  echo $$ >"$SHOW_GROUP/cgroup.procs"
  mount --bind "$SHOW_PLAYED" "$SHOW_GROUP"
  echo $$ >"$SHOW_GROUP/cgroup.procs"
  SYSTEMD_EXEC_PID=$$ exec "$@"' bash "$show_build/daemon/procpoold" --socket "$socket" \
  --set "default.command={\"$show_build/worker/procpool-worker\"}" --set default.workers=1 \
  --set default.memory_max=64M --set default.pids_max=20 >"$show_scratch/daemon.log" 2>&1 </dev/null &
daemon_pid=$!
export PROCPOOL_SOCKET=$socket
until_true 20 "the daemon answers" answers
sed -n 's/^.*\(each worker gets.*\)$/  \1/p' "$show_scratch/daemon.log"
expect 'procpool apply square 7' 49 "$(procpool apply square 7)"
for name in supervisor/cgroup.procs w/1/memory.max w/1/memory.oom.group w/1/pids.max w/1/cgroup.procs; do
  echo "  $name: $(cat "$played/$name")"
done
expect 'memory.max of the worker' $((64 << 20)) "$(cat "$played/w/1/memory.max")"
expect 'memory.oom.group of the worker' 1 "$(cat "$played/w/1/memory.oom.group")"
expect 'pids.max of the worker' 20 "$(cat "$played/w/1/pids.max")"
expect 'who entered it: the writer itself' 0 "$(cat "$played/w/1/cgroup.procs")"

# killed WORKER EVENTS: what the item says whose worker is killed where the kernel has counted that.
killed() {
  printf '%b' "$2" >"$played/w/$1/memory.events"
  procpool apply sleep 60 >"$show_scratch/out" 2>"$show_scratch/said" &
  local calling=$! worker
  until_true 10 'the item runs' is_busy
  worker=$(busy_workers)
  kill -9 "$worker"
  wait "$calling" || true
  sed 's/^procpool: //' "$show_scratch/said"
}

is_busy() {
  [ -n "$(busy_workers)" ]
}

lost='WorkerDied: the worker was lost: killed by signal 9 (KILL)'
expect 'killed at its own limit' "$lost: out of memory (memory_max = 64M)" "$(killed 1 'max 9\noom 1\noom_kill 1\n')"
until_true 20 'the next worker is there' test -e "$played/w/2/cgroup.procs"
expect 'killed at a limit around it' "$lost: out of memory, of the service or of the machine" \
  "$(killed 2 'max 0\noom 0\noom_kill 1\n')"
until_true 20 'the next worker is there' test -e "$played/w/3/cgroup.procs"
expect 'killed by somebody' "$lost" "$(killed 3 'max 0\noom 0\noom_kill 0\n')"
stop_daemon
