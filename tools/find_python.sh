#!/bin/sh
# Print the first Python on the PATH that is 3.11 or newer and can make virtual environments.
set -eu

for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$name"
        exit 0
    fi
done
cat >&2 <<'END'
plica needs Python 3.11 or newer, with its venv module, and found none on the PATH.
Install one (on Debian and Ubuntu: apt-get install python3 python3-venv), or name it:
    make PYTHON=/path/to/python3.11 ...
END
exit 1
