#!/bin/bash
# Gives the server the hashes of the passwords in the secret files (ops/clickhouse/users.xml), and starts it as the image does.
set -euo pipefail

hash_of() {
    local password
    password=$(cat "/run/secrets/$1")
    [ -n "$password" ] || { echo "密钥文件是空的 secret file is empty: $1" >&2; exit 1; }
    printf %s "$password" | sha256sum | cut -d ' ' -f 1
}

CLICKHOUSE_WRITER_SHA256=$(hash_of clickhouse_password)
CLICKHOUSE_READER_SHA256=$(hash_of clickhouse_dashboards_password)
export CLICKHOUSE_WRITER_SHA256 CLICKHOUSE_READER_SHA256
exec /entrypoint.sh "$@"
