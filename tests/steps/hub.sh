# A hub of our own for the tests that come from outside. Sourced by tests/run.
hub= hub_data=
export CARILLON_EMAIL=admin@example.org CARILLON_PASSWORD='correct horse battery'

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

# start_hub - starts a hub on an empty database and waits until it is ready; its address is in CARILLON_URL.
start_hub() {
  [ -z "$hub" ] || return 0
  # Along with an example: without anything that needs the features of tests, dependencies would be built without them anew.
  log_of build cargo build --locked --bin carillon --example conformance || return
  local port
  port=$(free_port) || return
  CARILLON_MQTT_PORT=$(free_port) || return
  export CARILLON_MQTT_PORT
  hub_data=$(mktemp -d)
  CARILLON_ADMIN_EMAIL=$CARILLON_EMAIL CARILLON_ADMIN_PASSWORD=$CARILLON_PASSWORD \
    CARILLON__MQTT__LISTEN=127.0.0.1:$CARILLON_MQTT_PORT CARILLON__AUTH__BCRYPT_COST=6 \
    CARILLON__AUTH__ADDRESS_ATTEMPTS=1000000 CARILLON__AUTH__ACCOUNT_ATTEMPTS=1000000 CARILLON__TELEMETRY__SEAL_AFTER=2s CARILLON__WEBHOOKS__ALLOW_PRIVATE=true \
    target/debug/carillon serve --listen "127.0.0.1:$port" --data "$hub_data" >"$logs/hub.log" 2>&1 &
  hub=$!
  export CARILLON_URL=http://127.0.0.1:$port
  local left=120
  until ready; do
    left=$((left - 1))
    if [ $left -le 0 ] || ! kill -0 "$hub" 2>/dev/null; then
      tail -n 20 "$logs/hub.log" | sed 's/^/   | /'
      stop_hub
      return 1
    fi
    sleep 0.5
  done
}

ready() {
  node -e 'fetch(process.env.CARILLON_URL + "/health/ready").then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))'
}

# access_token - logs in and prints the access token.
access_token() {
  node -e '
    const { CARILLON_URL: url, CARILLON_EMAIL: email, CARILLON_PASSWORD: password } = process.env
    fetch(url + "/api/v1/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    }).then((answer) => answer.json()).then(({ accessToken }) => console.log(accessToken))'
}

stop_hub() {
  [ -z "$hub" ] || { kill "$hub" 2>/dev/null && wait "$hub" 2>/dev/null; }
  [ -z "$hub_data" ] || rm -rf "$hub_data"
  hub= hub_data=
}
