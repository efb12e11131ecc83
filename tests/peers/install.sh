#!/bin/bash
# Installs what is missing of tests/peers/packages.txt, or of the packages named, with apt when root.
# Not root: a missing program is named; its tests skip at a desk and fail in CI.
# usage: install.sh [--optional] [PACKAGE …]      --optional: never fails, for what a program can do without
set -euo pipefail
cd "$(dirname "$0")"
optional=no
if [ "${1:-}" = --optional ]; then optional=yes; shift; fi
if [ $# = 0 ]; then mapfile -t wanted < <(grep -Ev '^(#|$)' packages.txt); else wanted=("$@"); fi

missing() {
    local each
    for each in "${wanted[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$each" 2>/dev/null)" = installed ] || echo "$each"
    done
}

command -v dpkg-query >/dev/null || { echo "Not a Debian: programs to install by hand: ${wanted[*]}" >&2; exit 0; }
mapfile -t lacking < <(missing)
if [ ${#lacking[@]} -gt 0 ] && [ "$(id -u)" = 0 ]; then
    echo "Installing ${lacking[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt=(apt-get -qq -o DPkg::Lock::Timeout=600)
    install=("${apt[@]}" install --no-install-recommends "${lacking[@]}")
    "${install[@]}" >/dev/null 2>&1 || { "${apt[@]}" update >/dev/null && "${install[@]}" >/dev/null; } || true
    mapfile -t lacking < <(missing)
fi
# LPRng and cups-bsd want the same names, so its programs are only unpacked, beside the environment.
lprng=$(realpath -m ../../.venv/peers/lprng)
if [ $# = 0 ] && [ $optional = no ] && [ ! -d "$lprng" ] && command -v apt-get >/dev/null; then
    place=$(mktemp -d)
    (cd "$place" && apt-get -qq download lprng >/dev/null 2>&1 && dpkg -x lprng_*.deb unpacked) || true
    if [ -d "$place/unpacked" ]; then
        mkdir -p "$(dirname "$lprng")" && cp "$place"/lprng_*.deb "$lprng.deb" && cp -r "$place/unpacked" "$lprng"
    else
        lacking+=(lprng)
    fi
    rm -rf "$place"
fi
if [ ${#lacking[@]} -gt 0 ]; then
    echo "Not installed: ${lacking[*]}" >&2
    if [ $optional = no ] && [ -n "${CI:-}" ]; then exit 1; fi
fi
exit 0
