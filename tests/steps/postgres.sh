#!/usr/bin/env bash
# A private PostgreSQL from Debian's package, on a free port of this machine. Sourced by tests/run; the tests that stop
# and start a server run it: `tests/steps/postgres.sh postgres_make FOLDER PORT`, then `postgres_start FOLDER PORT`, `postgres_stop FOLDER`.
postgres= postgres_url=

# as_postgres COMMAND… - runs a command as somebody else than root, whom PostgreSQL refuses.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups -- "$@"; else "$@"; fi
}

postgres_bin() {
  local newest
  newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  [ -x "$newest/initdb" ] && echo "$newest"
}

# postgres_make FOLDER PORT - makes a server and starts it.
postgres_make() {
  mkdir -p "$1" && chmod 755 "$1" || return
  [ "$(id -u)" -ne 0 ] || chown postgres "$1" || return
  as_postgres "$(postgres_bin)/initdb" -D "$1/data" -U carillon -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$1/initdb.log" &&
    postgres_start "$1" "$2"
}

# postgres_start FOLDER PORT - what is lost with the machine does not matter here, so that nothing waits for the disk.
postgres_start() {
  as_postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -l "$1/data/log" -w -s -o \
    "-h 127.0.0.1 -p $2 -k $1 -c fsync=off -c max_connections=600 -c shared_buffers=64MB" start </dev/null
}

# postgres_stop FOLDER - as a crash stops it.
postgres_stop() {
  as_postgres "$(postgres_bin)/pg_ctl" -D "$1/data" -m immediate -w -s stop
}

# start_postgres - makes and starts the server of the tests; its address is in postgres_url.
start_postgres() {
  [ -z "$postgres" ] || return 0
  [ -n "$(postgres_bin)" ] || need initdb postgresql || [ -n "$(postgres_bin)" ] || return
  local port
  port=$(free_port) || return
  postgres=$(mktemp -d)
  postgres_make "$postgres" "$port" || { stop_postgres; return 1; }
  postgres_url=postgres://carillon@127.0.0.1:$port/postgres
}

stop_postgres() {
  [ -n "$postgres" ] || return 0
  postgres_stop "$postgres"
  rm -rf "$postgres"
  postgres=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  cd / || exit
  "$@"
fi
