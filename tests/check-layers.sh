#!/bin/bash
# The folders are layers: who may include whom, and a few things that must not be found in a layer at all.
# Reads #include lines; knows nothing else of C. docs/architecture.md has the picture.
set -euo pipefail
cd "$(dirname "$0")/.."

# The order inside daemon/, from the top: a file includes only files of a later line, and none of its own.
daemon_order='
main launch
daemon
lifetime
api
reload clients
delivery status watch service operations
outlet feed
batch answer audience
conn room
conn_inside
intake method
returns cancellation overview
dispatch
dispatch_inside
recall routing
binding
ahead
handover
route ticket
succession hiring terms outcome
pool
pool_inside
retirement
staff trial generation obituary
recipe
exit report
worker
worker_inside
conversation hands stop
process order output listener manager machine sources
channel spawn notify idle deadline cgroup oom cpus memory users
log file
journal
reading
syntax
section
keys
configuration options environment request chunk commons sched estimate scale progress capacity delegation
items results setting fair offer quota permission wear entry
rlimit
bytes quantity strings rate lag clock
'
if [ "${1-}" = --order ]; then # for tests/check-docs.sh
  echo "$daemon_order"
  exit
fi

failures=0
complain() {
  echo "$*"
  failures=$((failures + 1))
}

sources() {
  find "$@" \( -name '*.c' -o -name '*.h' \) | sort
}

# includes FILE: what it includes, without <> and "".
includes() {
  sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]([^>"]+)[>"].*/\1/p' "$1"
}

# Which folders the files of a folder may include, and which libraries' headers.
may_include() {
  local file=$1 header=$2
  case $file:$header in
  protocol/*:protocol/*) ;;
  client/*:protocol/* | client/*:client/* | client/*:procpool/client.h | client/*:procpool/client_json.h) ;;
  worker/*:protocol/* | worker/*:worker/* | worker/*:procpool/worker.h) ;;
  daemon/*:protocol/* | daemon/*:daemon/*) ;;
  *:protocol/* | *:client/* | *:worker/* | *:daemon/* | *:procpool/* | *:tests/*) return 1 ;;
  daemon/channel.c:event2/buffer.h) ;;
  *:event2/buffer.h | *:event2/bufferevent*.h) return 1 ;;
  daemon/*:event2/* | daemon/*:event.h) ;;
  *:event2/* | *:event.h) return 1 ;;
  daemon/*:systemd/* | daemon/*:confuse.h) ;;
  *:systemd/* | *:confuse.h) return 1 ;;
  esac
}

check_folders() {
  local file header
  while read -r file; do
    while read -r header; do
      may_include "$file" "$header" || complain "$file includes <$header>: not in this layer"
    done < <(includes "$file")
  done < <(sources protocol client worker daemon)
}

# rank NAME: the line of daemon_order it stands in; nothing if it stands in none.
rank() {
  awk -v name="$1" '{ for (i = 1; i <= NF; i++) if ($i == name) { print NR; exit } }' <<<"$daemon_order"
}

check_daemon_order() {
  local file name header below mine theirs
  while read -r file; do
    name=$(basename "${file%.*}")
    mine=$(rank "$name")
    if [ -z "$mine" ]; then
      complain "$file: $name has no place in the order of daemon/ (daemon_order in $0)"
      continue
    fi
    while read -r header; do
      below=${header#daemon/}
      [ "$below" != "$header" ] || continue
      below=${below%.h}
      [ "$below" != "$name" ] || continue
      theirs=$(rank "$below")
      [ "${theirs:-0}" -gt "$mine" ] || complain "$file includes $header, which is not below it"
    done < <(includes "$file")
  done < <(sources daemon)
}

# refuse WHAT REGEX FOLDER…: no line of code may match.
refuse() {
  local what=$1 regex=$2 file line
  shift 2
  while read -r file; do
    while IFS= read -r line; do
      complain "$file:$line: $what"
    done < <(sed -E 's,//.*,,; s,/\*.*\*/,,; s,^[[:space:]]*\*.*,,; s,/\*.*,,' "$file" | grep -nE "$regex" || true)
  done < <(sources "$@")
}

# File-scope variables that can change, beyond those named here with their reason.
may_change() {
  case $1 in
  */main.c:arg_*) ;;                       # the command line, written once
  daemon/log.c:*) ;;                       # the sink of the log: every file would have to carry it
  daemon/syntax.c:current_error) ;;        # libconfuse's error callback gets no context
  worker/nested.c:*) ;;                    # who calls is a library inside a function
  client/tool/interrupt.c:* | client/tool/cmd_run.c:program) ;; # what signal handlers must reach
  *) return 1 ;;
  esac
}

# Declarations begin in the first column; those of constants, types and functions are left out.
check_globals() {
  local file line name
  while read -r file; do
    while IFS= read -r line; do
      name=$(sed -E 's/^[^=;[]*[ *]([A-Za-z_0-9]+)[[:space:]]*(=|;|\[|,).*/\1/' <<<"${line#*:}")
      may_change "$file:$name" ||
        complain "$file:${line%%:*}: $name can change at file scope; state belongs into a struct that is passed"
    done < <(grep -nE '^[a-z][A-Za-z_0-9 *]*[ *][A-Za-z_0-9]+(\[[^]]*\])*[[:space:]]*(=.*|;|,.*;)$' "$file" |
      grep -vE '^[0-9]+:(typedef|return|extern|goto|(struct|enum|union) [A-Za-z_0-9]+;)|\bconst [a-z_A-Z0-9]+(\[[^]]*\])*[[:space:]]*[=;]|^[0-9]+:(static )?const [^*]*[=;]' || true)
  done < <(sources protocol client worker daemon)
}

check_folders
check_daemon_order
refuse 'the event loop must not sleep' '\b(sleep|usleep|nanosleep|clock_nanosleep|poll_sleep)[[:space:]]*\(' daemon
refuse 'pure code reads no clock' '\b(clock_gettime|gettimeofday|time)[[:space:]]*\(' protocol
check_globals

[ "$failures" -eq 0 ] || { echo "$failures places; the layers are described in docs/architecture.md" >&2; exit 1; }
echo "the layers hold: $(sources protocol client worker daemon | wc -l) files"
