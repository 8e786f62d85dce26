# Tests: each kind has a folder, and a local.mk in it.

include tests/abi/local.mk
include tests/examples/local.mk
include tests/functions/local.mk
include tests/unit/local.mk
include tests/core/local.mk
include tests/fuzz/local.mk
include tests/worker/local.mk
include tests/system/local.mk
include tests/contract/local.mk
include tests/varlink/local.mk
include tests/cli/local.mk
include tests/client/local.mk
include tests/scripts.mk
