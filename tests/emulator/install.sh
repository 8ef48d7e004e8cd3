#!/bin/sh
# Installs the emulator's pinned tools into .venv/ at the root of the repository. Does nothing,
# quickly, when the virtual environment already holds exactly what requirements.txt asks for.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv="$root/.venv"
stamp="$venv/.requirements.sha256"
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "install.sh: Python 3.10 or newer is needed ($("$python" --version 2>&1))" >&2
    exit 1
fi

wanted=$("$python" - "$here/requirements.txt" <<'PY'
import hashlib, pathlib, sys
text = pathlib.Path(sys.argv[1]).read_bytes()
version = ".".join(map(str, sys.version_info[:2]))
print(hashlib.sha256(version.encode() + text).hexdigest())
PY
)
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

echo "install.sh: installing the emulator's tools into .venv (about a minute)" >&2
rm -rf "$venv"
# Debian has Python's venv module without the pip that it would install: then the host's pip serves.
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
    pip() { "$venv/bin/python" -m pip "$@"; }
else
    "$python" -m venv --without-pip "$venv"
    pip() { "$python" -m pip --python "$venv/bin/python" "$@"; }
fi
# The file lists the whole closure, so there is nothing to resolve; `pip check` proves it.
pip install --quiet --disable-pip-version-check \
    --no-deps --require-hashes --requirement "$here/requirements.txt"
pip check >/dev/null
printf '%s\n' "$wanted" >"$stamp"
