#!/bin/sh
# Installs the emulator's pinned tools into .venv/ at the root of the repository. With arguments,
# installs the packages of another requirements.txt into another folder at the root. Returns at once
# if the virtual environment already has exactly these versions.
#
#   install.sh [REQUIREMENTS FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
requirements=$(realpath "${1:-$here/requirements.txt}")
venv="$root/${2:-.venv}"
stamp="$venv/.requirements.sha256"
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "install.sh: Python 3.10 or newer is needed ($("$python" --version 2>&1))" >&2
    exit 1
fi

wanted=$("$python" - "$requirements" <<'PY'
import hashlib, pathlib, sys
text = pathlib.Path(sys.argv[1]).read_bytes()
version = ".".join(map(str, sys.version_info[:2]))
print(hashlib.sha256(version.encode() + text).hexdigest())
PY
)
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

echo "install.sh: installing tools into ${venv##*/} (about a minute)" >&2
rm -rf "$venv"
# Debian may have Python's venv module without pip; then the host's pip installs into the
# environment.
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
    pip() { "$venv/bin/python" -m pip "$@"; }
else
    "$python" -m venv --without-pip "$venv"
    pip() { "$python" -m pip --python "$venv/bin/python" "$@"; }
fi
# The file lists all dependencies, so pip has nothing to resolve; `pip check` proves it.
pip install --quiet --disable-pip-version-check \
    --no-deps --require-hashes --requirement "$requirements"
pip check >/dev/null
printf '%s\n' "$wanted" >"$stamp"
