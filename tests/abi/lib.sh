# shellcheck shell=bash disable=SC2034
# What the tests of the public face share: where the two libraries are, and how a promise is broken. Sourced, in
# the top of the built tree.
set -euo pipefail
build=${PROCPOOL_BUILD:-$PWD}
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
abi=$source/tests/abi/$(uname -m)
failures=0

# fail WHAT…: each a line.
fail() {
  printf '%s\n' "$@"
  failures=$((failures + 1))
}

# Folder, library and public headers, a line each.
libraries() {
  echo client libprocpool client.h client_json.h
  echo worker libprocpool-worker worker.h
}
