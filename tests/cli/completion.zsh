# completion.zsh FUNCTIONS LINE…: prints what each LINE becomes when Tab is typed behind it, in an interactive zsh in a pseudo-terminal
# whose $fpath begins with FUNCTIONS. Exits 1 if one takes more than ten seconds.
zmodload zsh/zpty zsh/datetime || exit 1
completions=$1
shift
answers=$(mktemp)
trap 'rm -f $answers' EXIT

# await N: until N lines have come, and prints the last; what the terminal shows meanwhile is dropped, or it would fill up.
await() {
  local -F deadline=$((EPOCHREALTIME + 10))
  local -a got
  while got=(${(f)"$(<$answers)"}); (( $#got < $1 )); do
    (( EPOCHREALTIME < deadline )) || { print -r -- "no answer" >&2; exit 1; }
    while zpty -r -t terminal shown 2>/dev/null; do last=$shown; done
  done
  print -r -- ${got[$1]}
}

zpty -b terminal zsh -f -i
zpty -w terminal "unset zle_bracketed_paste; fpath=(${(q)completions} \$fpath); autoload -U compinit; compinit -u -D; unsetopt beep auto_menu
tell() { print -r -- \"<\$BUFFER>\" >>${(q)answers}; BUFFER= }; zle -N tell; bindkey '^I' complete-word; bindkey '^X' tell; print -r -- '<>' >>${(q)answers}"
await 1 >/dev/null
integer n=1
for line; do
  zpty -n -w terminal "$line"$'\t\x18'
  await $((++n))
done
