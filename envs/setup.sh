#!/bin/sh
# setup.sh FOLDER runtime|cohorts|test: makes the environment of the Makefile from pinned requirements; FOLDER/.runtime,
# FOLDER/.cohorts and FOLDER/.test say what is there. Reads TORCH_INDEX (an index of CPU builds of PyTorch) and PYTHON.
set -eu
env=$1 part=$2
here=$(dirname "$0")
unset PYTHONPATH PYTHONHOME

fail() {
  echo "hemapilots: $1" >&2
  exit 2
}

suitable() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] not in [(3, 11), (3, 12)])' 2>/dev/null
}

find_python() {
  if [ -n "${PYTHON-}" ]; then
    suitable "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or 3.12; name one that is, for example PYTHON=python3.11"
    echo "$PYTHON"
    return
  fi
  for name in python3.11 python3.12 python3 python; do
    if suitable "$name"; then
      echo "$name"
      return
    fi
  done
  fail "Python 3.11 or 3.12 was not found; install one of them, or name it: make pilots PYTHON=/path/to/python3.11"
}

install() {
  "$env/bin/python" -m pip install -qq --disable-pip-version-check "$@"
}

# A version with the local label +cpu is the CPU build; the plain version is what the index has otherwise (4 GB on Linux).
install_torch() {
  pin=$(sed -n 's/^torch==//p' "$here/torch.txt")
  if ! install --no-deps ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} "torch==$pin+cpu" 2>"$env/torch.log"; then
    if ! grep -q "No matching distribution" "$env/torch.log"; then
      cat "$env/torch.log" >&2
      return 1
    fi
    echo "hemapilots: no build of PyTorch labelled +cpu is offered here; taking the default one (see Installation in README.md)"
  fi
}

[ -w . ] || fail "no permission to write to $(pwd); make the folder writable, or use a copy that is yours"
if [ -e "$env/.unfinished" ] || ! "$env/bin/python" -c 'import pip' 2>/dev/null; then
  python=$(find_python) || exit 2
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "this Python has no venv module; install it (on Debian and Ubuntu: the package python3-venv)"
  echo "hemapilots: making $env with $("$python" --version)"
  rm -rf "$env"
  mkdir -p "$env"
  touch "$env/.unfinished"
  "$python" -m venv "$env" || fail "the environment $env could not be made; the lines above say why"
fi
touch "$env/.unfinished"
echo "hemapilots: installing pinned packages ($part); this takes a few minutes and is done once"
advice="the lines above say which and why; mend that, then run the same command again"
if [ "$part" = runtime ] || [ ! -e "$env/.runtime" ]; then
  install_torch && install -r "$here/torch.txt" -r "$here/requirements.txt" || fail "the packages could not be installed: $advice"
fi
if [ "$part" = cohorts ]; then
  install -r "$here/requirements-cohorts.txt" -r "$here/requirements.txt" || fail "the packages that carry public cohorts could not be installed: $advice"
fi
if [ "$part" = test ]; then
  install -r "$here/requirements-test.txt" -r "$here/requirements-cohorts.txt" -r "$here/requirements.txt" || fail "the test packages could not be installed: $advice"
fi
printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd)\nPYTHONPATH="$here/../../scripts" exec "$here/python" -m hemapilots "$@"\n' >"$env/bin/hemapilots"
chmod +x "$env/bin/hemapilots"
rm "$env/.unfinished"
if [ "$part" = test ]; then
  touch "$env/.cohorts"
fi
touch "$env/.runtime" "$env/.$part"
