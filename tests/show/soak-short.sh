#!/bin/bash
# The soak of `make soak`, for some seconds: mixed load, clients that vanish, workers that are killed, resizes and reloads; every
# request is answered once and rightly, and the daemon is as it was.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

timeout 120 python3 "$show_top/tests/soak/soak.py" "$show_build" "${SOAK_TIME:-10}"
