#!/usr/bin/env bash
# Builds .venv with everything that Bimodal needs, or .peers with robosuite's own Lift on the MuJoCo it wants and the
# published ends of the wires that policies are served on (openpi-client, vla-eval), and readers of data sets.
#
#   tools/setup.sh [peers]
#
# Safe to run at any time: it does nothing when all is ready, brings an old environment up to date, and starts
# afresh one whose installation was cut short or whose folder was moved. Your pip configuration is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PYTHONPATH PYTHONHOME # a sourced ROS workspace would shadow the pinned packages
unset PYTHONDONTWRITEBYTECODE # containers set it; then every process would compile torch again, for seconds
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0

case "${1:-}" in
  "")    venv=.venv  constraints=constraints.txt       steps=3 published="" ;;
  peers) venv=.peers constraints=constraints-peers.txt steps=3
    published="robosuite openpi-client vla-eval lerobot-doctor robot-report-card minari" ;;
  *)     echo "error: unknown argument '$1'; use: tools/setup.sh [peers]" >&2; exit 2 ;;
esac
log=$venv/setup.log          # what the last command said
ready=$venv/.ready           # the key of the last complete installation
unfinished=$venv/.unfinished # there while files change, so a run that was cut short is known
rendering=$venv/.rendering   # the backend that draws; empty when there is none

step() { printf '[%d/%d] %-50s' "$1" "$steps" "$2"; started=$SECONDS; }

finish() { echo "$1 ($((SECONDS - started)) s)"; }

fail() { echo "failed"; echo "error: $*" >&2; exit 1; }

# Stops with the end of what the last command said.
give_up() {
  tail -n 15 "$log" >&2
  fail "$1 failed (all it said: $log); the same command again goes on from here"
}

quietly() { "$@" >"$log" 2>&1 || give_up "'$*'"; }

# What an installation depends on: where it is, and the files that say what goes in.
key() { echo "$PWD"; cat pyproject.toml "$constraints" tools/setup.sh | cksum; }

installed() {
  [ "$(key)" = "$(cat "$ready" 2>/dev/null)" ] && [ ! -e "$unfinished" ] && "$venv/bin/python" -c "" 2>/dev/null
}

find_python() {
  for python in python3.11 python3.12 python3.13 python3; do
    "$python" -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))" 2>/dev/null && return
  done
  fail "Python 3.11, 3.12 or 3.13 is needed and none is on the PATH; on Debian: sudo apt-get install python3.11-venv"
}

# Debian keeps the part of Python that makes virtual environments in a package of its own.
ensure_venv_module() {
  "$python" -c "import ensurepip" 2>/dev/null && return
  local package
  package=$("$python" -c "import sys; print('python%d.%d-venv' % sys.version_info[:2])")
  command -v apt-get >/dev/null || fail "$python cannot make virtual environments: its module ensurepip is missing"
  [ "$(id -u)" = 0 ] || fail "$python cannot make virtual environments; run: sudo apt-get install -y $package"
  quietly apt-get update
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y "$package"
}

make_environment() {
  local moved_from
  find_python
  moved_from=$(head -n 1 "$ready" 2>/dev/null || true)
  if [ -e "$unfinished" ] || [ "${moved_from:-$PWD}" != "$PWD" ]; then rm -rf "$venv"; fi
  mkdir -p "$venv"
  touch "$unfinished"
  ensure_venv_module
  quietly "$python" -m venv "$venv"
  rm -f "$unfinished"
}

# Bytecode is left to the first import, which needs a tenth of it and comes right after.
pip_install() {
  touch "$unfinished"
  if ! "$venv/bin/python" -m pip install --no-compile --constraint "$constraints" "$@" >"$log" 2>&1; then
    grep -q "^Installing collected packages" "$log" || rm -f "$unfinished" # it failed before it changed anything
    give_up "pip install"
  fi
  rm -f "$unfinished"
}

install_packages() {
  if [ "$venv" = .venv ]; then
    pip_install "$(grep '^torch==' "$constraints")" --editable ".[train,serve,export,plots,docs,dev]"
    quietly "$venv/bin/python" -c "import bimodal.policies.training.train, bimodal.leaderboard.site.build, pytest"
  else
    pip_install mujoco numba numpy opencv-python-headless pillow scipy termcolor anyio msgpack websockets \
      lazyregistry pyyaml gymnasium h5py packaging pyarrow rich
  fi
}

# A missing renderer is no reason to stop: everything but pictures works without it. Installing is tried once.
check_rendering() {
  local answer install=--install
  [ ! -e "$rendering" ] || install=
  if answer=$("$venv/bin/python" tools/gl.py $install); then
    echo "$answer" >"$rendering"
    finish "$answer"
  else
    : >"$rendering"
    finish "none"
    echo "warning: $answer" >&2
  fi
}

# One at a time in this folder; the lock goes with the process.
exec 9<"$constraints"
if command -v flock >/dev/null; then flock 9; fi

if ! installed; then
  step 1 "Python environment in $venv"
  make_environment
  finish "$("$venv/bin/python" -V)"
  step 2 "Packages, versions as in $constraints"
  install_packages
  finish "done"
  if [ -n "$published" ]; then
    step 3 "Packages of others, without their dependencies"
    # shellcheck disable=SC2086
    pip_install --no-deps $published
    finish "done"
  fi
  key >"$ready"
fi
if [ "$venv" = .venv ] && [ ! -s "$rendering" ]; then
  step 3 "Off-screen rendering"
  check_rendering
fi
