#!/bin/bash
# The whole suite: once on SQLite, then what touches the database again on PostgreSQL; at the end it says how
# many tests ran against which real programs.
# usage: run.sh [pytest arguments]    they go to both runs
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python
workers=${FRISKET_TEST_WORKERS:-2}
folder=$(mktemp -d /tmp/frisket-suite-XXXXXX)
chmod 711 "$folder"
postmaster=$folder/postgres/data/postmaster.pid
tidy() {
    if [ -e "$postmaster" ]; then kill -INT "$(head -1 "$postmaster")" 2>/dev/null || true; sleep 0.5; fi
    rm -rf "$folder"
}
trap tidy EXIT

status=0
suite() {  # name of the run, then pytest's arguments
    local name=$1 ended=0
    shift
    echo "=== $name"
    FRISKET_TEST_REPORT=$folder/$name.json "$python" -m pytest -n "$workers" --dist loadgroup "$@" || ended=$?
    # 5: nothing matched, as when ARGS="-k …" concerns the other run only
    if [ $ended != 0 ] && [ $ended != 5 ]; then status=1; fi
}

suite SQLite -m "not long" "$@"

if ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1; then
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    tests/peers/start_postgres.sh "$folder/postgres" "$port" fast
    rooms=()
    for room in plumbing audit identity device job spool ledger intake release delivery flow; do
        if [ -d "tests/$room" ]; then rooms+=("tests/$room"); fi
    done
    export FRISKET_TEST_DATABASE=postgresql://postgres@127.0.0.1:$port/postgres
    suite PostgreSQL -m "not long and not peer" "${rooms[@]}" "$@"
    unset FRISKET_TEST_DATABASE
elif [ -n "${CI:-}" ]; then
    echo "PostgreSQL is not installed" >&2
    status=1
else
    echo "PostgreSQL is not installed: the second run was left out" >&2
fi

"$python" -m tests.house.report "$folder"
exit $status
