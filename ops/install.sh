#!/bin/sh
# Makes $VENV with everything in it, and what the machine lacks: Java 17 and Maven for the local Kafka, a Chinese font for the PDF. Safe to run again.
set -eu

missing=""
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python ≥ 3.11 is needed" >&2; exit 1; }
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
command -v java >/dev/null || missing="$missing default-jre-headless"
command -v mvn >/dev/null || missing="$missing maven"
# a Chinese font for the PDF of the bulletin (ops/bulletin/font.py)
fonts=$(find /usr/share/fonts /usr/local/share/fonts \( -name 'wqy-*' -o -name 'NotoSansCJK*' -o -name 'SourceHanSans*' \) 2>/dev/null || true)
[ -n "$fonts" ] || missing="$missing fonts-wqy-microhei"

if [ -n "$missing" ]; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    if ! command -v apt-get >/dev/null || { [ -n "$sudo" ] && ! command -v sudo >/dev/null; }; then
        echo "缺少 missing:$missing；请用系统的包管理器安装 please install with the system's package manager" >&2
        exit 1
    fi
    echo "安装 installing:$missing" >&2
    $sudo apt-get update -qq
    # shellcheck disable=SC2086 - a list of packages
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing
fi

# one that was cut off while it was made has a python and no pip
"$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear "$VENV"
"$VENV/bin/python" -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
"$VENV/bin/python" -m pip install -q --disable-pip-version-check -e . --group dev
"$VENV/bin/python" -c 'from ops.jars import fetch_jars; fetch_jars()'
