#!/bin/sh
# Make .venv in the checkout, with Afanasy and its development tools in it.
#
# Finds a Python 3.11 or newer (Debian's is installed when there is none). pip runs only when
# pyproject.toml or the Python changed since the last time, so a second run needs no network.
# PYTHON=/path/to/python chooses the interpreter of a new .venv.
set -eu
cd "$(dirname "$0")/.."

usable() { # is $1 a Python >= 3.11 that can make virtual environments?
    "$1" - 2>/dev/null <<'PYTHON'
import sys
import ensurepip, venv
sys.exit(sys.version_info < (3, 11))
PYTHON
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && usable "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

# The checkout may have been moved, or its Python removed: then the old .venv is of no use.
works() {
    [ -x .venv/bin/python ] && [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/.venv" ]
}

if ! works; then
    python=$(find_python) || {
        tools/debian.sh python3 python3-venv || exit 1
        python=$(find_python) || {
            echo "Afanasy needs Python 3.11 or newer (Debian 12 has it). Give one by PYTHON=/path/to/python" >&2
            exit 1
        }
    }
    echo "making .venv with $python"
    "$python" -m venv --clear .venv
fi

stamp=.venv/afanasy.stamp
wanted=$( (cat pyproject.toml && .venv/bin/python --version && pwd) | sha256sum | cut -d' ' -f1)
if [ "$(cat $stamp 2>/dev/null || true)" != "$wanted" ]; then
    echo "installing Afanasy and its tools into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    echo "$wanted" >$stamp
fi
