# The servers for conformance suites, which are no part of the product. Sourced by tests/run.
conformance= conformance_at=

# start_conformance SUITE [PORT] - starts such a server and waits until it listens; its address is in conformance_at.
start_conformance() {
  log_of conformance-build cargo build --locked --example conformance || return
  conformance_at=127.0.0.1:${2:-$(free_port)} || return
  target/debug/examples/conformance "$1" --listen "$conformance_at" >"$logs/conformance.log" 2>&1 &
  conformance=$!
  local left=120
  until grep -q '^listening' "$logs/conformance.log"; do
    left=$((left - 1))
    if [ $left -le 0 ] || ! kill -0 "$conformance" 2>/dev/null; then
      stop_conformance
      return 1
    fi
    sleep 0.5
  done
}

stop_conformance() {
  [ -z "$conformance" ] || { kill "$conformance" 2>/dev/null && wait "$conformance" 2>/dev/null; }
  conformance=
}
