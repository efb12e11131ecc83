#!/bin/bash
# Makes .venv with Python 3.11 or later and puts uv and the package builder into it, by hash.
# As root on Debian it installs what Python lacks; otherwise it says what to install.
set -euo pipefail
cd "$(dirname "$0")/../.."

can_make_environments() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

interpreter() {
    local each
    for each in python3.11 python3 /usr/bin/python3 python3.12 python3.13; do
        if can_make_environments "$each"; then echo "$each"; return; fi
    done
    return 1
}

if ! [ -x .venv/bin/python ]; then
    if ! python=$(interpreter); then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            export DEBIAN_FRONTEND=noninteractive
            apt-get -qq -o DPkg::Lock::Timeout=600 update
            apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends \
                python3 python3-venv ca-certificates >/dev/null
        fi
        python=$(interpreter) || {
            echo "Python 3.11 with its venv module is needed: apt-get install python3 python3-venv" >&2
            exit 1
        }
    fi
    echo "Setting up .venv with $("$python" --version)" >&2
    "$python" -m venv .venv
fi
if ! [ -x .venv/bin/uv ] || ! .venv/bin/python -c 'import hatchling' 2>/dev/null; then
    .venv/bin/python -c 'import pip' 2>/dev/null || .venv/bin/python -m ensurepip >/dev/null
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bootstrap.txt
fi
