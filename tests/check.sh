# shellcheck shell=bash disable=SC2154
# ./quickstart check: builds with both compilers and the sanitizers, runs every test, and counts each result.
# Sourced by ./quickstart, from the top of the tree.

# results BUILD: "RESULT TEST NAME" for each result of `make check` in BUILD. Automake's .trs files say how many there
# are; the names of a TAP program's are only in its log.
results() {
  local trs test
  while read -r trs; do
    test=${trs#"$1"/}
    test=${test%.trs}
    if [ "$(grep -c '^:test-result:' "$trs")" -eq "$(named "${trs%.trs}.log" "$test" | wc -l)" ]; then
      named "${trs%.trs}.log" "$test"
    else
      sed -n "s|^:test-result: \([A-Z]*\).*|\1 $test|p" "$trs"
    fi
  done < <(find "$1" -name '*.trs' | sort)
}

named() { # LOG TEST
  grep -aE "^(PASS|FAIL|XFAIL|XPASS|SKIP|ERROR): $2( |\$)" "$1" | sed 's/: / /'
}

# count_suite BUILD SECONDS: counts the results, one line for each test program. Returns 1 if one failed.
count_suite() {
  local result test name bad=0 before=$failed
  local -A good=()
  while read -r result test name; do
    case $result in
    PASS | XFAIL)
      passed=$((passed + 1))
      good[$test]=$((${good[$test]-0} + 1))
      ;;
    SKIP)
      # TAP says "SKIP tests/x 3 - name # SKIP reason", a plain test only "SKIP tests/x".
      name=${name%% # SKIP*}
      name=${name#* - }
      count_skip '' "$(test_source "$test")${name:+: $name}" || bad=1
      ;;
    *)
      failed=$((failed + 1))
      say FAILED '' "$1: $test ${name:+$name }($result)"
      bad=1
      ;;
    esac
  done < <(results "$1")
  while read -r test; do
    say ok '' "  $test: ${good[$test]} passed"
  done < <(printf '%s\n' "${!good[@]}" | sort)
  if [ ${#good[@]} -eq 0 ] && [ "$failed" -eq "$before" ]; then
    failed=$((failed + 1))
    say FAILED '' "$1: make check ran no test"
    bad=1
  fi
  return $bad
}

# test_source TEST: scripts are known to tests/skips.txt by their whole name, which .trs files lack.
test_source() {
  if [ -e "$1.sh" ]; then echo "$1.sh"; else echo "$1"; fi
}

# suite NAME BUILD: make check in BUILD, each of its results counted.
suite() {
  local begin=$EPOCHREALTIME status=0 log
  find "$2" -name '*.trs' -delete
  run "$1" 25m make -C "$2" -k -j"$(nproc)" check || status=$?
  local before=$failed
  say suite "$(elapsed "$begin")" "make check in $2"
  count_suite "$2" || true
  if [ "$status" -ne 0 ] && [ "$failed" -eq "$before" ]; then
    failed=$((failed + 1))
    say FAILED '' "$2: make check ended with status $status"
  fi
  if [ "$failed" -ne "$before" ]; then
    show_tail "$1" 30
    # The logs of the test programs that did not pass, each its end.
    while read -r log; do
      echo "        | ${log%.trs}.log:"
      tail -n 40 "${log%.trs}.log" | sed 's/^/        |   /'
    done < <(grep -lrE --include='*.trs' '^:global-test-result: (FAIL|ERROR|XPASS)|^:test-global-result: (FAIL|ERROR|XPASS)' "$2" | sort)
  fi
}

# run_shows BUILD SHOW…: each is one result.
run_shows() {
  local tree=$1 show
  shift
  for show; do
    case $show in
    */lib.sh | */worker.sh) ;; # not shows
    */quickstart-fresh.sh) ;;   # make check-fresh
    *) PROCPOOL_BUILD=$PWD/$tree step "$(basename "$show" .sh)-${tree#build/}" 5m "$show in $tree" "$show" || true ;;
    esac
  done
}

build_asan() {
  build_tree build/asan CC=gcc --enable-werror --enable-sanitizers
}

build_clang() {
  # The test programs too: they are the larger half of the code.
  build_tree build/clang CC=clang --enable-werror && make -C build/clang -j"$(nproc)" check TESTS=
}
export -f build_asan build_clang

# A leak, a read of freed memory or undefined behaviour ends the process with a status of its own, so that
# no test takes it for the failure it expected.
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

check_begin=$EPOCHREALTIME
if step build-gcc 20m "gcc -Werror, in build/gcc" bash -c build_gcc; then
  demo squares || true
  demo wordcount || true
  suite check-gcc build/gcc
  run_shows build/gcc tests/show/[a-z]*.sh tests/systemd/[a-z]*.sh
fi
if step build-asan 20m "gcc with ASan and UBSan, in build/asan" bash -c build_asan; then
  suite check-asan build/asan
  # Again under load and from the outside; what is measured there means nothing under ASan.
  run_shows build/asan tests/show/{death,echo,malformed,map-by,readme}*.sh
fi
step build-clang 20m "clang -Werror, in build/clang" bash -c build_clang || true

printf '\ntook %s s; logs in %s/*.log\n' "$(elapsed "$check_begin")" "$build"
summary="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ "$failed" -eq 0 ]
