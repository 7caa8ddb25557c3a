# The steps, in the order of tests/run. Sourced by it.

step_format() {
  need_component fmt rustfmt
  check format cargo fmt --all --check
}

step_lint() {
  need_component clippy
  check lint cargo clippy --locked --all-targets -- -D warnings
}

step_docs() {
  RUSTDOCFLAGS='-D warnings' check docs cargo doc --locked --no-deps
}

# Licences, forbidden crates and sources; advisories only where their database can be reached.
step_licences() {
  need_cargo cargo-deny $DENY_VERSION || { fail licences "cargo-deny cannot be built"; return; }
  check licences cargo deny --config .deny.toml check licenses bans sources
  if GIT_TERMINAL_PROMPT=0 timeout 30 git ls-remote https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    check advisories cargo deny --config .deny.toml check advisories
  else
    skip advisories "the advisory database cannot be reached from here"
  fi
}

step_unused() {
  need_cargo cargo-machete $MACHETE_VERSION || { fail unused "cargo-machete cannot be built"; return; }
  check unused cargo machete --with-metadata .
}

# test_threads - how many tests run at once: most of them wait most of the time, also where there are few processors.
test_threads() {
  local processors
  processors=$(nproc)
  echo $((processors > 4 ? processors : 4))
}

step_rust() {
  local folders status log=$logs/rust.log result='^test result: .* '
  # The data folders of all hubs go with this one.
  folders=$(mktemp -d)
  log_of rust env TMPDIR="$folders" cargo test --locked --no-fail-fast --lib --bins --test it -- \
    --test-threads="$(test_threads)"
  status=$?
  rm -rf "$folders"
  add_counts rust $status "$(sum "$result([0-9]+) passed" "$log")" "$(sum "$result([0-9]+) failed" "$log")" \
    "$(sum "$result([0-9]+) ignored" "$log")"
}

# The same tests on PostgreSQL: beside the code of every folder that works with a database, and through every door.
step_postgres() {
  local log=$logs/postgres.log result='^test result: .* ' status=0 folders part
  start_postgres || { fail postgres "PostgreSQL cannot be started, see $logs"; return; }
  folders=$(mktemp -d)
  # A test may start a server of its own in it, as somebody else.
  chmod 711 "$folders"
  : >"$log"
  for part in $(grep -rlF 'Scratch::new' src | cut -d / -f 2 | sort -u); do
    on_postgres --lib -- --test-threads="$(test_threads)" "$part::" || status=1
  done
  for part in $(sed -nE '/support|architecture|documents/d; s/^mod (.*);/\1::/p' tests/it/main.rs); do
    on_postgres --test it -- --test-threads="$(test_threads)" "$part" || status=1
  done
  rm -rf "$folders" "$logs/postgres-part.log"
  stop_postgres
  add_counts postgres $status "$(sum "$result([0-9]+) passed" "$log")" "$(sum "$result([0-9]+) failed" "$log")" \
    "$(sum "$result([0-9]+) ignored" "$log")"
}

# on_postgres ARGUMENT… - some of the tests on PostgreSQL, for step_postgres. In a process of their own: a hub whose test
# is over keeps its connections until its process ends.
on_postgres() {
  local status
  log_of postgres-part env TMPDIR="$folders" CARILLON_TEST_DATABASE="$postgres_url" \
    cargo test --locked --no-fail-fast "$@"
  status=$?
  cat "$logs/postgres-part.log" >>"$log"
  return $status
}

# The proof that nothing acknowledged is lost: the hub is killed under load, CARILLON_KILLS times (50) on each database.
# Not part of the default list, where it is killed a few times only.
step_kills() {
  local kills=${CARILLON_KILLS:-50} folders database
  start_postgres || { fail kills "PostgreSQL cannot be started, see $logs"; return; }
  folders=$(mktemp -d)
  for database in SQLite PostgreSQL; do
    kills_on "$database" "$kills" "$folders"
  done
  rm -rf "$folders"
  stop_postgres
}

# kills_on DATABASE KILLS FOLDER - the proof on one database, for step_kills.
kills_on() {
  local server= began=$SECONDS name=kills-$1 status log result='^test result: .* '
  [ "$1" = SQLite ] || server=$postgres_url
  log=$logs/$name.log
  log_of "$name" env TMPDIR="$3" CARILLON_TEST_DATABASE="$server" CARILLON_KILLS="$2" \
    cargo test --locked --test it -- every_acknowledged_reading_is_found_once_wherever_the_hub_is_killed
  status=$?
  add_counts "$name" $status "$(sum "$result([0-9]+) passed" "$log")" "$(sum "$result([0-9]+) failed" "$log")"
  echo "   $2 kills on $1: $((SECONDS - began)) s"
}

# node_tests NAME FOLDER - the folder's tests, against the hub.
node_tests() {
  need node nodejs && need_packages "$2" || { fail "$1" "its packages cannot be installed, see $logs"; return; }
  start_hub || { fail "$1" "the hub does not start, see $logs/build.log and $logs/hub.log"; return; }
  log_of "$1" env --chdir="$2" node --test --test-concurrency=1 --test-reporter=spec
  local status=$? log=$logs/$1.log
  add_counts "$1" $status "$(sum '^[^ ]* pass ([0-9]+)' "$log")" \
    "$(($(sum '^[^ ]* fail ([0-9]+)' "$log") + $(sum '^[^ ]* cancelled ([0-9]+)' "$log")))" \
    "$(($(sum '^[^ ]* skipped ([0-9]+)' "$log") + $(sum '^[^ ]* todo ([0-9]+)' "$log")))"
}

step_browser() {
  need chromium chromium || { fail browser "chromium cannot be installed, see $logs/install-chromium.log"; return; }
  CHROMIUM=$(command -v chromium) node_tests browser tests/browser
}

step_clients() {
  [ -e tests/clients/package.json ] || return
  node_tests clients tests/clients
}

step_python() {
  local package='python-socketio[client]'
  need_python "$package" $PYTHON_SOCKETIO_VERSION || { fail python "$package cannot be installed, see $logs"; return; }
  start_hub || { fail python "the hub does not start, see $logs/build.log and $logs/hub.log"; return; }
  check python "$python/python" tests/clients/socketio_client.py
}

# Clients of MQTT against the hub, and paho's suites against a broker made of its parts where they can be fetched.
step_mqtt() {
  need_python paho-mqtt $PAHO_MQTT_VERSION && need mosquitto_pub mosquitto-clients && need curl curl ||
    { fail mqtt "its clients cannot be installed, see $logs"; return; }
  start_hub || { fail mqtt "the hub does not start, see $logs/build.log and $logs/hub.log"; return; }
  check mqtt "$python/python" tests/clients/mqtt_client.py
  local suites=$tools/paho.mqtt.testing
  [ -d "$suites" ] || GIT_TERMINAL_PROMPT=0 timeout 60 git clone --quiet --depth 1 \
    https://github.com/eclipse-paho/paho.mqtt.testing "$suites" >"$logs/install-paho.log" 2>&1
  [ -d "$suites" ] || { skip mqtt-suites "the suites cannot be fetched from here"; return; }
  start_conformance mqtt || { fail mqtt-suites "the broker does not start, see $logs/conformance.log"; return; }
  log_of mqtt-suites "$python/python" tests/clients/mqtt_paho.py "$suites/interoperability" "${conformance_at##*:}"
  local status=$? log=$logs/mqtt-suites.log
  stop_conformance
  add_counts mqtt-suites $status "$(grep -c '^client_test.*: passed$' "$log")" "$(grep -c '^client_test.*: FAILED$' "$log")"
}

# Asks every described route for the edges of its description: no 5xx, no answer that the description does not name.
# Not the stream of events, whose answer has no end.
step_schema() {
  need_python schemathesis $SCHEMATHESIS_VERSION || { fail schema "schemathesis cannot be installed, see $logs"; return; }
  start_hub || { fail schema "the hub does not start, see $logs/build.log and $logs/hub.log"; return; }
  check schema "$python/schemathesis" run "$CARILLON_URL/openapi.json" --phases coverage,fuzzing --max-examples 30 \
    --exclude-operation-id listen_to_events \
    --checks not_a_server_error,response_schema_conformance,status_code_conformance --seed 1 \
    --header "Authorization: Bearer $(access_token)"
}

# Autobahn's cases against an echo made of our own sockets: the protocol, and of compression (12, 13) the first groups.
step_websocket() {
  need_python kosoku $KOSOKU_VERSION || { fail websocket "kosoku cannot be installed, see $logs"; return; }
  start_conformance websocket || { fail websocket "the echo does not start, see $logs/conformance.log"; return; }
  autobahn websocket -x '12.*' -x '13.*'
  autobahn websocket-deflate -i '12.1.*' -i '13.1.*'
  stop_conformance
}

# autobahn NAME ARGUMENT… - the cases that the arguments choose; the reports stay in target/tests/NAME.
autobahn() {
  local name=$1 log=$logs/$1.log status bad
  shift
  log_of "$name" "$python/kosoku" -p 1 "$@" -o "$logs/$name" "$conformance_at"
  status=$?
  bad=$(sum '^([0-9]+) of [0-9]+ cases failed' "$log")
  add_counts "$name" $status \
    "$(($(sum '^([0-9]+) cases passed' "$log") + $(sum '^[0-9]+ of ([0-9]+) cases failed' "$log") - bad))" "$bad" 0
}

# The instructions of the hot path, which are nearly the same on every machine, against their limits.
step_instructions() {
  need valgrind valgrind || { fail instructions "valgrind cannot be installed, see $logs/install-valgrind.log"; return; }
  log_of instructions benches/gate
  local status=$? log=$logs/instructions.log
  add_counts instructions $status "$(grep -c '^ok ' "$log")" "$(grep -c '^OVER ' "$log")"
}
