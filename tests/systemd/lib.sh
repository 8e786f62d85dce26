# shellcheck shell=bash
# What the tests under a real systemd share. Sourced first: outside it boots one and runs the script in there; what
# follows this line in a script runs inside, as root of a machine that is thrown away.
systemd_here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$systemd_here/../show/lib.sh"
if [ "${1-}" != --inside ]; then
  make_packages
  rm -rf "$show_scratch"
  exec "$systemd_here/with-systemd" "$0" --inside
fi

end() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    echo "the journal:"
    journalctl --no-pager --lines=60 --unit='procpool*' || true
  fi
  show_clean
  exit "$status"
}
trap end EXIT

# Images made for containers forbid packages to start anything, because no service manager runs there, and leave the
# documentation out. Here one runs, and somebody reads.
allow_packages() {
  rm -f /usr/sbin/policy-rc.d
  find /etc/dpkg/dpkg.cfg.d -type f -exec grep -l path-exclude {} + | xargs -r rm -f || true
}

# Puts the Debian package on this machine, as an administrator would, and says where things are: $conf the folder of the
# configuration, $worker and $functions the stock worker and the folder of its functions, $examples the drop-ins.
install_procpool() {
  allow_packages
  dpkg --install "$show_build"/deb/procpool_*.deb >"$show_scratch/install" 2>&1 || fail "dpkg --install" "$(tail "$show_scratch/install")"
  conf=/etc/procpool
  worker=/usr/libexec/procpool/procpool-worker
  functions=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/procpool/functions
  examples=/usr/share/doc/procpool/examples/systemd
}

# What a variable of the build stands for.
directory() {
  local prefix exec_prefix
  prefix=$(sed -n 's/^prefix = //p' "$show_build/Makefile")
  # shellcheck disable=SC2034
  exec_prefix=$prefix
  eval "echo $(sed -n "s/^$1 = //p" "$show_build/Makefile")"
}

# The same without the package, as README says for other systems; $examples is not set.
install_built() {
  make -C "$show_build" install >"$show_scratch/install" 2>&1 || fail "make install" "$(tail "$show_scratch/install")"
  ldconfig
  systemd-sysusers >"$show_scratch/sysusers" 2>&1 || fail "systemd-sysusers" "$(cat "$show_scratch/sysusers")"
  systemctl daemon-reload
  conf=$(directory sysconfdir)/procpool
  worker=$(directory libexecdir)/procpool/procpool-worker
  functions=$(directory libdir)/procpool/functions
  mkdir -p "$conf/conf.d" "$functions"
}

enable_socket() {
  systemctl enable --now procpool.socket 2>&1 | sed 's/^/  /'
}

# The tests' functions, for the pools whose command is not set.
install_functions() {
  install -m 644 "$show_build/tests/functions/.libs/functions.so" "$functions/"
}

# as USER COMMAND…
as() {
  setpriv --reuid="$1" --regid="$1" --init-groups env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/ "${@:2}"
}

property() {
  systemctl show procpool.service --property="$1" --value
}

# drop_in NAME LINE…: of the service, until the machine is gone.
drop_in() {
  mkdir -p /run/systemd/system/procpool.service.d
  printf '%s\n' "${@:2}" >"/run/systemd/system/procpool.service.d/$1.conf"
  systemctl daemon-reload
}

# processes: the pids of the service's control group.
processes() {
  local group
  group=$(property ControlGroup)
  [ -n "$group" ] || return 0
  cat /sys/fs/cgroup/{,systemd,unified}"$group/cgroup.procs" 2>/dev/null | sort -un
}

# daemon: its pid. There is none between a death and the next start.
daemon() {
  local pid
  pid=$(property MainPID)
  [ "${pid:-0}" -ne 0 ] && echo "$pid"
}

# another_daemon PID: whether another one than PID is ready.
another_daemon() {
  local shown
  # In one question: it may end between two.
  shown=$(systemctl show procpool.service --property=ActiveState --property=MainPID | sort | paste -sd' ')
  [[ $shown =~ ^ActiveState=active\ MainPID=[1-9] ]] && [ "$shown" != "ActiveState=active MainPID=$1" ]
}

# alive PID…: whether one of them is there, zombies apart.
alive() {
  local pid
  for pid; do
    [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) =~ ^(Z.*)?$ ]] || return 0
  done
  return 1
}
none_alive() {
  ! alive "$@"
}

# seconds SINCE: from an $EPOCHREALTIME on, with two digits.
seconds() {
  local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
  printf '%d.%02d' $((us / 1000000)) $((us / 10000 % 100))
}

# ---- load: twenty clients, members of the group procpool, with one connection each (tests/systemd/load.c) ----

# start_load ARGUMENT…: starts one more client for each argument, "" or "idempotent"; $load is what all of them printed.
load_clients=0
start_load() {
  local argument
  load=$show_scratch/load
  if [ "$load_clients" -eq 0 ]; then
    mkdir "$load"
    install "$show_build/tests/systemd/load" /usr/local/bin/procpool-test-load
    useradd --groups procpool loader
  fi
  for argument; do
    load_clients=$((load_clients + 1))
    # shellcheck disable=SC2086
    as loader procpool-test-load "/tmp/load-over" $argument >"$load/$load_clients.${argument:-plain}" 2>&1 &
  done
}

load_lines() {
  cat "$load"/* | wc -l
}

# load_goes_on LINES: whether two calls for each client are over since there were LINES.
load_goes_on() {
  [ "$(load_lines)" -ge $(($1 + 2 * load_clients)) ]
}

stop_load() {
  touch /tmp/load-over
  wait
}

# count_calls PATTERN [CLIENTS]
count_calls() {
  cat "$load"/*"${2-}" | grep -cE "^($1)" || true
}
