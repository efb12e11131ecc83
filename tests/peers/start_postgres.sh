#!/bin/bash
# A private PostgreSQL cluster on loopback, without systemd; as root it runs as the postgres account.
# usage: start_postgres.sh ROOT PORT [durable|fast]   silent when ready
# stop:  kill -INT $(head -1 ROOT/data/postmaster.pid)
set -euo pipefail
root=$(mkdir -p "${1:?root}" && cd "$1" && pwd)
port=${2:?port}
mode=${3:-durable}
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
as=()
if [ "$(id -u)" = 0 ]; then chown postgres "$root"; as=(runuser -u postgres --); fi
cd "$root"
[ -e data/PG_VERSION ] || "${as[@]}" "$bin/initdb" -D "$root/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >/dev/null
options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$root -c shared_buffers=128MB"
options+=" -c max_connections=200"
if [ "$mode" = fast ]; then options+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"; fi
"${as[@]}" "$bin/pg_ctl" -D "$root/data" -w -t 60 -l "$root/data/log" -o "$options" start >/dev/null
