#!/bin/bash
# The examples of README.md are taken from it, built against this tree and run: they do what it says.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# block LANGUAGE N: the Nth fenced block of a language.
block() {
  awk -v fence="\`\`\`$1" -v wanted="$2" '
    $0 == "```" { inside = 0 }
    inside && n == wanted { print }
    $0 == fence { n++; inside = 1 }' "$show_top/README.md"
}

cd "$show_scratch"
includes="-I$show_top/client/include -I$show_top/worker/include"
sanitizers=$(sed -n 's/^SANITIZER_CFLAGS = *//p' "$show_build/Makefile")
libraries="-L$show_build/client/.libs -L$show_build/worker/.libs -Wl,-rpath,$show_build/client/.libs"

echo '$ gcc twelve.c … -o twelve && procpool --private run -- ./twelve'
block c 1 >twelve.c
# shellcheck disable=SC2086 # the words of these are meant
gcc -Wall -Wextra -Werror $sanitizers $includes twelve.c $libraries -lprocpool -o twelve
expect prints 144 "$(procpool --private run -- ./twelve)"

echo '$ gcc -shared -fPIC mine.c … -o mine.so && procpool --private --load ./mine.so map mine 1 2 3'
block c 2 >mine.c
# shellcheck disable=SC2086
gcc -Wall -Wextra -Werror $sanitizers -shared -fPIC $includes mine.c $libraries -lprocpool-worker -ljansson -o mine.so
expect prints '0.5 1.0 1.5' "$(procpool --private --load ./mine.so map mine 1 2 3 | paste -sd' ')"

echo '$ sh (the lines of shell)'
mkdir -p build
ln -s "$show_build" build/gcc
cp -r "$show_top/README.md" "$show_top/docs" .
block sh 1 >lines.sh
sed 's/^/  | /' lines.sh
sh lines.sh >out 2>err || fail "the lines of shell" "$(cat out err)"
sed 's/^/  /' out
expect 'the squares' '1 4 9 16 25' "$(head -n 5 out | paste -sd' ')"
expect 'counts' "$(printf '%s\n' README.md docs/*.md | wc -l)" "$(grep -c '^{"lines":' out)"
expect 'an item that failed' 1 "$(grep -c '^{"index": *1, *"error"' out)"
expect 'the program with a pool' '1 4 9' "$(tail -n 3 out | paste -sd' ')"
