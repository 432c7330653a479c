#!/bin/sh
# Creates .venv from the Python that fits best, unless it is there. $PYTHON names another one.
set -eu

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
if .venv/bin/python -c "$fits" 2>/dev/null && .venv/bin/python -m pip --version >/dev/null 2>&1; then
    exit 0
fi

found=
for python in ${PYTHON:-python3.13 python3.14 python3.12 python3.11 python3}; do
    if "$python" -c "$fits" 2>/dev/null; then
        found=$python
        break
    fi
done
if [ -z "$found" ]; then
    echo "Missing from this system: Python 3.11 to 3.14" >&2
    exit 1
fi

# Debian and Ubuntu keep ensurepip in a package of its own
if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
    "$(dirname "$0")/packages.sh" "ensurepip=$("$found" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
fi
"$found" -m venv --clear .venv
