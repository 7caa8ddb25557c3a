# Installs what the tests need. Sourced by tests/run.
tools=$PWD/target/tools
python=$tools/python/bin
export PATH=$tools/bin:$PATH

DENY_VERSION=0.20.2
MACHETE_VERSION=0.9.2
SCHEMATHESIS_VERSION=4.32.5
KOSOKU_VERSION=0.1.0
PYTHON_SOCKETIO_VERSION=5.18.1
PAHO_MQTT_VERSION=2.1.0

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# need COMMAND PACKAGE - installs Debian's package if the command is missing.
need() {
  command -v "$1" >/dev/null && return
  echo "   installing $2"
  { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y "$2"; } \
    >"$logs/install-$2.log" 2>&1
  command -v "$1" >/dev/null
}

# need_cargo TOOL VERSION - installs a cargo tool of exactly this version; unoptimised, that is several times quicker.
need_cargo() {
  [ -x "$tools/bin/$1" ] && "$tools/bin/$1" --version | grep -qF "$2" && return
  echo "   building $1 $2"
  cargo install "$1" --version "$2" --locked --force --debug --root "$tools" --target-dir "$tools/build" \
    >"$logs/install-$1.log" 2>&1
}

# need_component NAME - a part of the Rust toolchain that may have been left out.
need_component() {
  cargo "$1" --version >/dev/null 2>&1 || rustup component add "${2:-$1}" >"$logs/install-$1.log" 2>&1
}

# need_python PACKAGE VERSION - installs exactly this version beside the other Python tools.
need_python() {
  local stamp=$tools/python/$1-$2
  [ -e "$stamp" ] && return
  need python3 python3 || return
  [ -x "$python/pip" ] || {
    python3 -m venv --clear "$tools/python" || {
      as_root apt-get update && as_root apt-get install -y python3-venv && python3 -m venv --clear "$tools/python"
    }
  } >"$logs/install-venv.log" 2>&1 || return
  echo "   installing $1 $2"
  "$python/pip" install "$1==$2" >"$logs/install-$1.log" 2>&1 && touch "$stamp"
}

# need_packages FOLDER - the npm packages that the folder's lock file names.
need_packages() {
  need npm npm && (cd "$1" && npm ci --no-audit --no-fund) >"$logs/install-npm.log" 2>&1
}
