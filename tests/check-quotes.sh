#!/bin/bash
# docs/protocol.md is what others build on: each of its statements has a test that shows it, and that test quotes it,
# word for word, in a comment of its own:
#
#     /* "What the document says." */            # "What the document says."
#     Test(suite, name) {                        the commands of a script that show it
#
# A statement is a sentence of a paragraph or of a list item, or a row of a table. Headings, code blocks, the heads of
# tables and block quotes (lines that begin with >, for reasons, advice and examples) are none. Lines may be wrapped
# in both; white space counts as one space. One comment may hold several quotes, each beginning on a line of its own;
# several tests may quote one statement.
#
#     check-quotes.sh              prints what has no quote, and quotes of what is not said any more
#     check-quotes.sh --list       prints the statements, each with the number of its line
set -euo pipefail
cd "$(dirname "$0")/.."

document=docs/protocol.md

# LINE <tab> STATEMENT
statements() {
  # shellcheck disable=SC2016
  awk '
    function fold(text) {
      gsub(/[ \t]+/, " ", text)
      sub(/^ /, "", text)
      sub(/ $/, "", text)
      return text
    }
    function put(text) {
      text = fold(text)
      if (text != "")
        print line "\t" text
    }
    # Cuts behind . ! or ? (and what closes after it) before a space and the begin of a sentence, but not in `code`.
    function finish(    i, c, code, begin, end) {
      block = fold(block)
      begin = 1
      for (i = 1; i <= length(block); i++) {
        c = substr(block, i, 1)
        if (c == "`")
          code = !code
        if (code || c !~ /[.!?]/)
          continue
        for (end = i; substr(block, end + 1, 1) ~ /[)*"]/; end++);
        if (substr(block, end + 1) !~ /^ [A-Z0-9`*"(]/)
          continue
        put(substr(block, begin, end - begin + 1))
        begin = end + 1
        i = end
      }
      put(substr(block, begin))
      block = ""
    }
    function row(text) {
      sub(/^\| */, "", text)
      sub(/ *\|$/, "", text)
      put(text)
    }
    # The head of a table is known by the line below it.
    function finish_row() {
      if (held != "")
        row(held)
      held = ""
    }
    /^\|[-| :]*$/ { held = ""; next }
    /^\|/         { finish(); finish_row(); held = $0; line = NR; next }
                  { finish_row() }
    /^(    |#|>)/ { if (block == "" || !/^    /) { finish(); next } }
    /^ *$/        { finish(); next }
    /^[*-] /      { finish(); sub(/^[*-] /, "") }
                  { if (block == "") line = NR; block = block " " $0 }
    END           { finish_row(); finish() }
  ' "$document"
}

# FILE:LINE <tab> QUOTE for each quote above a test, FILE:LINE <tab> <tab> COMPLAINT where one has no end.
quotes() {
  local file
  while read -r file; do
    # shellcheck disable=SC2016
    awk -v file="$file" -v c="$([[ $file == *.c ]] && echo 1 || echo 0)" '
      function put(    text) {
        text = quote
        gsub(/[ \t]+/, " ", text)
        kept = kept file ":" line "\t" substr(text, 2, length(text) - 2) "\n"
        quote = ""
      }
      # The comment is over, and stands above a test or it does not matter.
      function end_comment(above) {
        if (above)
          printf "%s", kept
        kept = ""
      }
      # One line of a comment, bare: a quote ends with a mark at the end of a line before another quote, an empty
      # line or the end.
      function take(text) {
        if (quote ~ /..*"$/ && (text == "" || text ~ /^"/))
          put()
        if (quote == "" && text ~ /^"/) {
          line = NR
          quote = text
        } else if (quote != "") {
          quote = quote " " text
        }
      }
      function over() {
        if (quote ~ /..*"$/)
          put()
        else if (quote != "")
          kept = kept file ":" line "\t\tthe quote has no end\n"
        quote = ""
      }
      function bare(text) {
        sub(/^[ \t]+/, "", text)
        sub(/[ \t]+$/, "", text)
        return text
      }
      !c && !/^ *# ?/          { if (open) { over(); end_comment(1) } open = 0; next }
      !c && !open && !/^ *# "/ { next }
      !c                       { open = 1; sub(/^ *# ?/, ""); take(bare($0)); next }
      awaited                  { end_comment(/^(Test|UNIT_TEST|ParameterizedTest)\(/); awaited = 0 }
      !open && !/^\/\* "/      { next }
                               { open = 1; text = $0; ends = sub(/ *\*\/$/, "", text) }
                               { sub(/^(\/\*| \*)/, "", text); take(bare(text)) }
      ends                     { over(); awaited = 1; open = 0 }
    ' "$file"
  done < <(find tests \( -name '*.c' -o -name '*.sh' -o -name '*.py' \) ! -path tests/check-quotes.sh | sort)
}

if [ "${1-}" = --list ]; then
  statements
  exit
fi

said=$(statements)
quoted=$(quotes)
# First what is said, then what is quoted.
awk -F '\t' -v document="$document" '
  NR == FNR   { if (!($2 in at)) { at[$2] = $1; order[++n] = $2 } next }
  $1 == ""    { next }
  $2 == ""    { print $1 ": " $3; bad = 1; next }
  !($2 in at) { print $1 ": quotes what " document " does not say: " $2; bad = 1; next }
              { seen[$2] = 1 }
  END {
    for (i = 1; i <= n; i++) {
      if (order[i] in seen) {
        n_seen++
      } else {
        print document ":" at[order[i]] ": no test quotes: " order[i]
        bad = 1
      }
    }
    printf "%d statements, %d quoted\n", n, n_seen
    exit bad || n == 0
  }' <(echo "$said") <(echo "$quoted")
