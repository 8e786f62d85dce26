#!/bin/bash
# The way of a plugin's author, as README.md shows it: its C file, its compiler command and its map, taken from it to
# the letter and run in an empty directory, with what it says about a tree that is only built. In under two minutes.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
readme=$show_top/README.md
begin=$EPOCHREALTIME

# command START: the one line of commands in README.md that begins so.
command_line() {
  local line
  line=$(grep -E "^    $1" "$readme" | sed 's/^    //') || fail "README.md has no command '$1 …'"
  expect "README.md has the command '$1 …' so often" 1 "$(wc -l <<<"$line")" >&2
  printf '%s\n' "$line"
}

# The C file is the one that defines a table.
mkdir "$show_scratch/author"
cd "$show_scratch/author"
awk '$0 == "```" { if (inside && block ~ /procpool_functions =/) printf "%s", block; inside = 0 }
     inside { block = block $0 "\n" }
     $0 == "```c" { inside = 1; block = "" }' "$readme" >mine.c
[ -s mine.c ] || fail "README.md has no C file with a table of functions"
echo '$ cat mine.c'
sed 's/^/  /' mine.c

compile=$(command_line 'gcc -shared ')
map=$(command_line 'procpool --private --load ')
prepare=$(command_line 'export PATH=')
# Its directories are those of a tree where the README lies.
mkdir "$show_scratch/tree" "$show_scratch/tree/build"
ln -s "$show_build" "$show_scratch/tree/build/gcc"
sanitizers=$(sed -n 's/^SANITIZER_CFLAGS = *//p' "$show_build/Makefile")

printf '$ %s\n' "$prepare" "$compile" "$map"
cat >"$show_scratch/commands" <<END
set -e
cd "$show_scratch/tree"
$prepare
cd "$show_scratch/author"
${compile/gcc /gcc $sanitizers }
$map
END
unset -f procpool # the one in \$PATH
out=$(env -i HOME="$HOME" PATH="$PATH" sh "$show_scratch/commands" 2>"$show_scratch/err") || fail "the commands failed" "$(cat "$show_scratch/err")"
expect 'which prints' '0.5 1.0 1.5' "$(paste -sd' ' <<<"$out")"
expect 'and says nothing else' '' "$(cat "$show_scratch/err")"
ms=$(((${EPOCHREALTIME/[.,]/} - ${begin/[.,]/}) / 1000))
below 'milliseconds from the README to the result' 120000 "$ms"
