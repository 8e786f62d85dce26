#!/bin/bash
# slots = auto is the number of CPUs that may be used: by affinity, and by the CPU quota of the control groups, of
# either version, the daemon's own and those around it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

group=
home=

clean() {
  show_clean
  [ -z "$home" ] || echo $$ >"$home/cgroup.procs"
  [ -z "$group" ] || rmdir "$group/inner" "$group"
}
trap clean EXIT

# slots_are WHAT NUMBER: of a daemon that is started now.
slots_are() {
  start_daemon --set default.workers=auto
  sed -n 's/^.*\(slots = auto.*\)$/  \1/p' "$show_scratch/daemon.log"
  expect "$1" "$2" "$(status_field slots)"
  until_true 20 'as many workers are there' all_there "$2"
  stop_daemon
}

all_there() {
  [ "$(status_field idle)" = "$1" ]
}

# quota MICROSECONDS: in 100 ms, of the group; its inner group, in which the daemon will be, has none of its own.
quota() {
  if [ -e "$group/cpu.max" ]; then
    echo "$1 100000" >"$group/cpu.max"
  else
    echo "$1" >"$group/cpu.cfs_quota_us"
  fi
}

# Where a group with a quota can be made: the mount points of the unified hierarchy, then that of the cpu controller.
hierarchies() {
  awk '{ for (i = 7; i <= NF && $i != "-"; i++); type = $(i + 1); options = "," $NF "," }
    type == "cgroup2" || type == "cgroup" && options ~ /,cpu,/ { print type, $5 }' /proc/self/mountinfo | sort -r
}

# our_group TYPE: its path, as /proc says.
our_group() {
  if [ "$1" = cgroup2 ]; then
    sed -n 's/^0:://p' /proc/self/cgroup
  else
    sed -nE 's/^[0-9]+:([^:]*,)?cpu(,[^:]*)?:(.*)$/\3/p' /proc/self/cgroup
  fi
}

make_group() {
  local type point
  while read -r type point; do
    group=$point/procpool-show-$$
    mkdir "$group" 2>/dev/null || continue
    if [ -e "$group/cpu.max" ] || [ -e "$group/cpu.cfs_quota_us" ]; then
      mkdir "$group/inner"
      home=$point$(our_group "$type")
      return
    fi
    rmdir "$group"
  done < <(hierarchies)
  group=
  return 1
}

cpus=$(nproc)
echo "\$ procpoold, where nproc says $cpus"
start_daemon
here=$(status_field slots)
stop_daemon
[ "$here" -le "$cpus" ] || fail "$here slots on $cpus CPUs"
if [ "$here" -lt "$cpus" ]; then
  echo "  slots: $here, for there is a quota already"
  cpus=$here
else
  echo "  slots: $here"
fi
echo '$ taskset -c N procpoold'
allowed=$(taskset -cp $$ | sed 's/.*: //')
taskset -cp "${allowed%%[,-]*}" $$ >"$show_scratch/taskset"
slots_are 'slots on one CPU' 1
taskset -cp "$allowed" $$ >"$show_scratch/taskset"

if ! make_group; then
  echo 'no control group with a CPU quota can be made here: that needs root, and the cpu controller'
  exit 77
fi
echo "\$ mkdir -p $group/inner"
echo $$ >"$group/inner/cgroup.procs"
slots_are 'slots without a quota of its own' "$cpus"
echo '$ a quota of 0.5 CPUs'
quota 50000
slots_are 'slots' 1
echo '$ a quota of 1 CPU'
quota 100000
slots_are 'slots' 1
echo '$ a quota of 1.5 CPUs'
quota 150000
slots_are 'slots' $((cpus < 2 ? cpus : 2))
echo '$ a quota of more CPUs than there are'
quota $(((cpus + 3) * 100000))
slots_are 'slots' "$cpus"
