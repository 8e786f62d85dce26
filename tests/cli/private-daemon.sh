#!/bin/bash
# --private: a daemon with the caller's environment and directory, and with the workers that were asked for.
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
export CLI_TEST_WORD='a word'
private apply environment '"CLI_TEST_WORD"'
expect 0 '"a word"' ''

private map --raw print '{"to": "stderr", "text": "hello from a worker"}'
is 'exit code' 0 "$status"
has 'the caller'\''s stderr' 'hello from a worker' "$err"

run --private --workers 3 status --json
has workers '"workers":3' "$out"

echo 'A command of one'\''s own, with a blank in a word:'
ln -s "$plugin" 'my functions.so'
run --private --worker "$cli_build/worker/procpool-worker --load 'my functions.so'" apply index
expect 0 0 ''
run --private --load 'my functions.so' map index 5 5
expect 0 $'0\n1' ''

run --private --load nowhere.so map square 1
expect 78 '' 'cannot load nowhere.so: No such file or directory'

run --private --worker /bin/false map square 1
is 'exit code' 69 "$status"
has stderr 'workers cannot start' "$err"
nothing_left || fail "left behind: $(ls -R "$XDG_RUNTIME_DIR")"
