#!/bin/bash
# Tab completes commands, options, files, and what a running daemon knows: functions, pools and requests; in bash, zsh and fish.
. "$(dirname "$0")/lib.sh"
completions=$(readlink -f "$cli_source/../../client/completions")
for shell in zsh fish; do
  command -v $shell >/dev/null || { echo "$shell is not installed"; exit 77; }
done
export PATH=$(dirname "$procpool"):$PATH
start_daemon
export PROCPOOL_SOCKET=$socket
mkdir "$scratch/here"
cd "$scratch/here" || exit 1
touch 'a file.txt' plugin.so

# ---- bash: the function, as readline calls it ----

# in_bash LINE: what could follow, one a line.
in_bash() {
  bash -uc '
    . "$0"
    complete -p procpool | grep -q -- "-F _procpool" || exit 1
    COMP_LINE=$1 COMP_POINT=${#1}
    # As readline cuts: at blanks, and around = and :.
    mapfile -t COMP_WORDS < <(sed -E "s/ +/\n/g; s/([=:])/\n\1\n/g" <<<"$1" | sed "/^$/d")
    case $1 in *" ") COMP_WORDS+=("") ;; esac
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) last=${COMP_WORDS[-1]}
    [[ $last != [=:] ]] || last=
    COMPREPLY=()
    _procpool procpool "$last" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf "%s\n" ${COMPREPLY[@]+"${COMPREPLY[@]}"}' "$completions/bash/procpool" "$1" | sort -u
}

# bash_is LINE EXPECTED: the words that could follow, with blanks between them.
bash_is() {
  echo "bash: $1<TAB>  $2"
  is "bash: $1<TAB>" "$2" "$(in_bash "$1" | paste -sd' ')"
}

commands=$("$procpool" --help | sed -n '/^Commands:/,/^`procpool COMMAND/p' |
  sed -nE 's/^  ([a-z]+(, [a-z]+)*).*/\1/p' | tr -d ',' | tr ' ' '\n' | sort | paste -sd' ')
bash_is 'procpool ' "$commands"
bash_is 'procpool re' 'reload requests resize resume'
bash_is 'procpool map sq' square
bash_is 'procpool --socket '"$socket"' map sq' square
bash_is 'procpool map default/sq' default/square
bash_is 'procpool map --fi' --files
bash_is 'procpool map --common' --common=
bash_is 'procpool --so' --socket=
bash_is 'procpool map --pool=d' default
bash_is 'procpool map --pool d' default
bash_is 'procpool map --retries 3 --raw wordc' wordcount
bash_is 'procpool resize ' default
bash_is 'procpool resize default ' ''
bash_is 'procpool map --files wordcount a' 'a file.txt'
bash_is 'procpool map wordcount a' ''
bash_is 'procpool apply --strings wordcount a' 'a file.txt'
bash_is 'procpool --private --load=pl' plugin.so
bash_is 'procpool --private --load pl' plugin.so
bash_is 'procpool --private map squ' square
bash_is "procpool --private --worker /bin/false map squ" ''
bash_is 'procpool --private run basen' 'basename basenc'
bash_is 'procpool --private run ls a' 'a file.txt'
is 'bash: every option of map' "$("$procpool" map --help | grep -cE '^ {2,6}(-., )?--')" "$(in_bash 'procpool map -' | wc -l)"

# ---- zsh: typed into a pseudo-terminal; fish: asked ----

# zsh_are LINE EXPECTED …: what the lines become.
zsh_are() {
  local lines=() expected=() got i
  while [ $# -gt 0 ]; do
    lines+=("$1")
    expected+=("<$2>")
    shift 2
  done
  mapfile -t got < <(HISTFILE='' zsh -f "$cli_source/completion.zsh" "$completions/zsh" "${lines[@]}")
  for ((i = 0; i < ${#lines[@]}; i++)); do
    echo "zsh: ${lines[i]}<TAB>  ${got[i]-}"
    is "zsh: ${lines[i]}<TAB>" "${expected[i]}" "${got[i]-}"
  done
}

zsh -n "$completions/zsh/_procpool" || fail 'zsh cannot read its completion'
zsh_are 'procpool resi' 'procpool resize ' \
  'procpool map sq' 'procpool map square ' \
  'procpool map default/sq' 'procpool map default/square ' \
  'procpool map --fi' 'procpool map --files ' \
  'procpool map --pool=d' 'procpool map --pool=default ' \
  'procpool map --retries 3 wordc' 'procpool map --retries 3 wordcount ' \
  'procpool resize d' 'procpool resize default ' \
  'procpool map --files wordcount a' 'procpool map --files wordcount a\ file.txt ' \
  'procpool map wordcount a' 'procpool map wordcount a' \
  'procpool --private --load pl' 'procpool --private --load plugin.so ' \
  'procpool --private map squ' 'procpool --private map square ' \
  'procpool --private --worker /bin/false map squ' 'procpool --private --worker /bin/false map squ'

# fish_is LINE EXPECTED
fish_is() {
  local got
  got=$(HOME=$scratch fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$completions/fish/procpool.fish" "$1" |
    cut -f 1 | sort | paste -sd' ')
  echo "fish: $1<TAB>  $got"
  is "fish: $1<TAB>" "$2" "$got"
}

fish --no-execute "$completions/fish/procpool.fish" || fail 'fish cannot read its completion'
fish_is 'procpool ' "$commands"
fish_is 'procpool map sq' square
fish_is 'procpool map default/sq' default/square
fish_is 'procpool map --fi' --files
fish_is 'procpool map --pool=d' --pool=default
fish_is 'procpool map --retries 3 wordc' wordcount
fish_is 'procpool resize d' default
fish_is 'procpool map --files wordcount a' 'a file.txt'
fish_is 'procpool map wordcount a' ''
fish_is 'procpool --private --load pl' plugin.so
fish_is 'procpool --private map squ' square
fish_is 'procpool --private --worker /bin/false map squ' ''
fish_is 'procpool --private run basen' 'basename basenc'

# ---- requests ----

"$procpool" map wait_for "\"$scratch/go\"" >/dev/null &
map=$!
runs() { "$procpool" requests --json | grep -q '"running":1'; }
until_true 20 'a request runs' runs
id=$("$procpool" requests --json | sed -E 's/.*"id":"([0-9]+)".*/\1/')
bash_is 'procpool cancel ' "$id"
bash_is 'procpool why ' "$id"
zsh_are 'procpool why ' "procpool why $id "
fish_is 'procpool cancel ' "$id"
touch "$scratch/go"
wait "$map" || fail 'the map failed'

# ---- nobody there ----

export PROCPOOL_SOCKET=$scratch/nowhere
bash_is 'procpool map sq' ''
is 'and nothing is said' '' "$(in_bash 'procpool map sq' 2>&1)"
fish_is 'procpool map sq' ''
zsh_are 'procpool map sq' 'procpool map sq'

echo 'A daemon that does not answer is waited for a second:'
kill -STOP "$daemon_pid"
export PROCPOOL_SOCKET=$socket
begin=$EPOCHREALTIME
bash_is 'procpool map sq' ''
ms=$(((${EPOCHREALTIME/[.,]/} - ${begin/[.,]/}) / 1000))
kill -CONT "$daemon_pid"
[ "$ms" -lt 3000 ] || fail "it took $ms ms"
echo "  $ms ms"
