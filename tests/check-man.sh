#!/bin/bash
# The manual pages know every option and key that there is, and no other; and they can be set without a warning. What is
# wrong is named with the file to change and the line that it lacks.
set -euo pipefail

build=$PWD
source=$(cd "$(dirname "$0")/.." && pwd)
man=docs/man
cd "$source"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

complain() {
  printf '%s\n' "$*"
  failures=$((failures + 1))
}

# printed COMMAND…: the options that its --help prints, as "-0, --null" and "--pool=NAME" and "--load FILE".
printed() {
  "$@" --help | sed -nE 's/^ {2,6}((-., )?--[a-z-]+([= ][][A-Z.=|]+)?)( .*|$)/\1/p' | sort -u
}

# shown PAGE HEADING…: the options that these sections of a page define.
shown() {
  local page=$man/$1.scd heading
  shift
  for heading; do
    grep -qxF "$heading" "$page" || complain "$page: the heading '$heading' is missing" >&2
    awk -v heading="$heading" '$0 == heading { inside = 1; next } /^#/ { inside = 0 } inside && /^\*-/' "$page"
  done | tr -d '*_' | sort -u
}

# same_options PAGE WHERE COMMAND: compares $scratch/printed and $scratch/shown.
same_options() {
  local option
  while read -r option; do
    complain "$man/$1.scd: $2 does not have the option '$option', which '$3 --help' prints"
  done < <(comm -23 "$scratch/printed" "$scratch/shown")
  while read -r option; do
    complain "$man/$1.scd: $2 has the option '$option', which '$3 --help' does not print"
  done < <(comm -13 "$scratch/printed" "$scratch/shown")
}

# Those that the help of the tool lists between "Commands:" and the sentence behind.
commands() {
  "$build/client/procpool" --help | sed -n '/^Commands:/,/^`procpool COMMAND/p' |
    sed -nE 's/^  ([a-z]+(, [a-z]+)*).*/\1/p' | tr -d ',' | tr ' ' '\n'
}

check_tool() {
  local command sections
  commands | sort >"$scratch/printed"
  sed -n '/^# COMMANDS$/,/^# OPTIONS/s/^## //p' $man/procpool.1.scd | sort >"$scratch/shown"
  while read -r command; do
    complain "$man/procpool.1.scd: the section COMMANDS has no '## $command', or 'procpool --help' does not list it"
  done < <(comm -3 "$scratch/printed" "$scratch/shown" | tr -d '\t')
  printed "$build/client/procpool" >"$scratch/printed"
  shown procpool.1 '# OPTIONS OF EVERY COMMAND' >"$scratch/shown"
  same_options procpool.1 "the section 'OPTIONS OF EVERY COMMAND'" procpool
  cp "$scratch/printed" "$scratch/common"
  for command in $(commands); do
    sections=("## $command")
    case $command in map | apply) sections+=('# OPTIONS OF map AND apply') ;; esac
    printed "$build/client/procpool" "$command" | comm -23 - "$scratch/common" >"$scratch/printed"
    shown procpool.1 "${sections[@]}" >"$scratch/shown"
    same_options procpool.1 "the section '$command' (or 'OPTIONS OF map AND apply')" "procpool $command"
  done
}

check_program() { # PAGE PROGRAM
  printed "$build/$2" >"$scratch/printed"
  [ -s "$scratch/printed" ] || complain "$2 --help prints no options"
  shown "$1" '# OPTIONS' >"$scratch/shown"
  same_options "$1" "the section 'OPTIONS'" "${2##*/}"
}

# The page is made of the example, so this is about the example: a key that the code takes is shown, and no other.
check_keys() {
  local section key
  for section in daemon pool limits; do
    sed -n "/^static const struct setting ${section}_settings/,/^};/p" daemon/keys.c |
      sed -nE 's/^\t(\{ ?"|LIMIT\(|POOL\()([a-z_]+).*/\2/p' | sort >"$scratch/known"
    [ -s "$scratch/known" ] || complain "daemon/keys.c: no table ${section}_settings"
    docs/man/man.pl <(printf '@keys %s@\n' $section) pkglibexecdir=/x functionsdir=/y |
      sed -nE 's/^\*([a-z_]+)\* = .*/\1/p' | sort >"$scratch/keys"
    while read -r key; do
      complain "daemon/procpool.conf.example: the section $section has no '$key = …' (or '# $key = …' where there is no default), which daemon/keys.c takes"
    done < <(comm -23 "$scratch/known" "$scratch/keys")
    while read -r key; do
      complain "daemon/procpool.conf.example: the section $section has '$key', which daemon/keys.c does not take"
    done < <(comm -13 "$scratch/known" "$scratch/keys")
  done
  # A key without a sentence of its own, or of those it stands with, is not explained.
  for section in daemon pool limits; do
    docs/man/man.pl <(printf '@keys %s@\n' $section) pkglibexecdir=/x functionsdir=/y |
      awk -v section=$section '/^\*/ { key = $1 } /^\t/ { key = "" }
        /^$/ && key != "" && key != "*command*" { print "daemon/procpool.conf.example: " section " says nothing about " key; exit }'
  done >"$scratch/silent"
  [ ! -s "$scratch/silent" ] || complain "$(cat "$scratch/silent")"
}

# Each page as a reader gets it, in a narrow and in a wide window.
check_rendering() {
  local page width
  for page in "$build/$man"/*.[1-9]; do
    for width in 60 100; do
      LC_ALL=C.UTF-8 MANWIDTH=$width man --warnings --encoding=UTF-8 --local-file "$page" >"$scratch/text" 2>"$scratch/warnings"
      [ ! -s "$scratch/warnings" ] || complain "$page: $(head -n 3 "$scratch/warnings")"
      [ "$(wc -l <"$scratch/text")" -gt 30 ] || complain "$page: there is almost nothing in it"
      # What was meant as markup and is none.
      if grep -nE '(^|[^`])`[a-zA-Z_]|@[a-z]+@|\+\+$' "$scratch/text"; then
        complain "$page: the lines above show markup"
      fi
    done
  done
}

check_tool
check_program procpoold.8 daemon/procpoold
check_program procpool-worker.1 worker/procpool-worker
check_keys
if [ "$failures" -eq 0 ] && ! { [ -e "$build/$man/procpool.1" ] && command -v man >/dev/null; }; then
  echo "all options and keys are there; the pages were not set: scdoc or man is missing"
  exit 77
fi
[ "$failures" -ne 0 ] || check_rendering
[ "$failures" -eq 0 ] || exit 1
echo "the manual pages have all options and keys, and can be read"
