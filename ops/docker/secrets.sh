#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, each once: sh ops/docker/secrets.sh [folder]. What is there is left as it is.
# The folder keeps other users of this machine out; the files can be read by any user of a container that is given them.
set -eu

folder="${1:-secrets}"
umask 077
mkdir -p "$folder"
for name in clickhouse_password clickhouse_dashboards_password title_key alertmanager_token grafana_password; do
    if [ ! -s "$folder/$name" ]; then
        head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$folder/$name"
        chmod 444 "$folder/$name"
        echo "$folder/$name"
    fi
done
