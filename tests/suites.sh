# shellcheck shell=bash
# Runs suites of tests and counts their results. tests/run and tests/night source it. Every output is shown; the closing line is
# `N passed, N failed`. It ends with 1 if a test failed, a suite broke off, or a suite ran no test.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export CARGO_TERM_COLOR=never PYTHONDONTWRITEBYTECODE=1

if [ "$(id -u)" != 0 ]; then
    echo "error: the sandbox of the tests needs root. Run it with sudo." >&2
    exit 1
fi

passed=0
failed=0
outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT
declare -A beside=() # the suites that run beside others: the process of each

finish() {
    echo
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

# Prepares: runs a command without which no suite makes sense.
prepare() {
    printf '\n== %s\n' "$*"
    "$@" || { failed=1 && finish; }
}

# The sum of what the closing lines of cargo, pytest and our own scripts say in a file, as "PASSED FAILED".
tally() {
    awk '/^test result: / || /^=* ?[0-9]+ (passed|failed|error|skipped).* in [0-9.]+s/ || /^[a-z0-9-]+: [0-9]+ passed, [0-9]+ failed$/ {
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) good += $(i - 1)
            if ($i ~ /^(failed|error)/) bad += $(i - 1)
        }
    } END { print good + 0, bad + 0 }' "$1"
}

# Counts the suite with this output, which ended with `status` after `seconds`. One that breaks off, or runs nothing, is a failure of its
# own.
count() {
    local output=$1 status=$2 seconds=$3 good bad
    shift 3
    read -r good bad < <(tally "$output")
    if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$good" = 0 ]; }; then
        echo "error: '$*' ended with $status and $good passed tests"
        bad=1
    fi
    echo "-- $good passed, $bad failed, $seconds s: $*" | tee -a "$outputs/lines"
    passed=$((passed + good))
    failed=$((failed + bad))
}

# Runs one suite and shows its output.
suite() {
    local output=$outputs/suite begin=$SECONDS status
    printf '\n== %s\n' "$*"
    "$@" 2>&1 </dev/null | tee "$output"
    status=${PIPESTATUS[0]}
    count "$output" "$status" $((SECONDS - begin)) "$@"
}

# Starts a suite called NAME that the next ones need not wait for. It waits most of the time, or uses one processor.
start() {
    local name=$1 begin=$SECONDS
    shift
    printf '\n== %s (its output follows later)\n' "$*"
    (
        "$@" >"$outputs/$name" 2>&1 </dev/null
        echo $? $((SECONDS - begin)) >"$outputs/$name.end"
    ) &
    beside[$name]=$!
}

# Waits for the suite NAME that was started with this command, and shows its output.
join() {
    local name=$1 status seconds
    shift
    wait "${beside[$name]}"
    read -r status seconds <"$outputs/$name.end"
    printf '\n== %s\n' "$*"
    cat "$outputs/$name"
    count "$outputs/$name" "$status" "$seconds" "$@"
}
