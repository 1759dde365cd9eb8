# Sourced by the other scripts. Creates .venv with the pinned packages, and updates it when pyproject.toml or the pins change.
# Usage: prepare NAME EXTRAS [GROUP], for instance: prepare dev "[server,train]" dev
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
        message "需要 Python 3.11 或更高版本。可以用 PYTHON=/路径/python3.11 指定。" \
            "Python 3.11 or newer is required. Set PYTHON=/path/to/python3.11 to choose one."
        exit 1
    fi
    message "正在准备环境 $root/.venv，首次需要几分钟……" "Preparing $root/.venv; this takes a few minutes the first time..."
    [ -x "$root/.venv/bin/python" ] || "$python" -m venv "$root/.venv"
    local pip=("$root/.venv/bin/python" -m pip install -qq --disable-pip-version-check --constraint "$root/constraints.txt")
    local packages=(--editable "$root$2")
    if [ $# -gt 2 ]; then
        "${pip[@]}" "pip>=25.1" >&2  # the first version that reads dependency groups (PEP 735)
        packages+=(--group "$root/pyproject.toml:$3")
    fi
    "${pip[@]}" "${packages[@]}" >&2
    if [ "$1" = dev ]; then  # the tokenizer tests read its vocabulary only, so its dependencies are not installed
        "${pip[@]}" --no-deps cn-clip==1.6.0 >&2
    fi
    echo "$wanted" > "$stamp"
}

# Prepare everything that the static checks and the tests need.
prepare_dev() {
    prepare dev "[paddlehub,train,upscale,server,postgresql,store,c2pa,ray]" dev
}

# Print the Chinese or the English text, by DANQING_LANGUAGE or the locale.
message() {
    case "${DANQING_LANGUAGE:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in
        zh*) echo "$1" >&2 ;;
        *) echo "$2" >&2 ;;
    esac
}
