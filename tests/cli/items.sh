#!/bin/bash
# Items from everywhere: arguments, lines of JSON, lines and NUL-ended strings as they stand, an array, files.
. "$(dirname "$0")/lib.sh"

private map echo 1 '"a b"' '{"k": 0.10}'
expect 0 $'1\n"a b"\n{"k": 0.10}' ''

private map --strings echo 1 'a "b"' ''
expect 0 $'"1"\n"a \\"b\\""\n""' ''

private map echo -- -5
expect 0 -5 ''

printf '1\n\n \t\n"x"\r\n[1, 2]' >"$scratch/in"
private map echo <"$scratch/in"
expect 0 $'1\n"x"\n[1, 2]' ''

printf 'a b\n\n"q"\tz' >"$scratch/in"
private map --lines echo <"$scratch/in"
expect 0 $'"a b"\n""\n"\\"q\\"\\tz"' ''

printf 'a\nb\0c\0' >"$scratch/in"
private map -0 echo <"$scratch/in"
expect 0 $'"a\\nb"\n"c"' ''

printf ' [1, [2,\n3] , "]"]\n' >"$scratch/in"
private map --array echo <"$scratch/in"
expect 0 '[1,[2,3],"]"]' ''

private map echo </dev/null
expect 0 '' ''

cd "$scratch" || exit 1
ln -s nowhere link
private map --files echo a ./link ../x /abs
expect 0 "\"$PWD/a\""$'\n'"\"$PWD/link\""$'\n'"\"$PWD/../x\""$'\n"/abs"' ''
printf 'a\0' >"$scratch/in"
private map --files -0 echo <"$scratch/in"
expect 0 "\"$PWD/a\"" ''
