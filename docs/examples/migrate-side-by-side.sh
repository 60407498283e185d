#!/bin/sh
# Fills the database of the new service from a Python stats service that goes on running.
#
#   OLD=http://old.example.org TOKEN=… NAME=nc3 [FROM=2020-01-01] sh migrate-side-by-side.sh
#
# The settings of the new service (DATABASE_URL, SECRET_KEY) are those of the environment
# or of its settings file. Run again, it fetches what came since.
set -eu

: "${OLD:?the address of the old service}" "${TOKEN:?the token of a client of the old service}" "${NAME:?the name of that client}"
export REMOTE_STATS_SERVER="$OLD" REMOTE_STATS_TOKEN="$TOKEN"

find_client() {
	stats-service client_list | awk -v name="Name: $NAME" '/^UUID: / { uuid = $2 } $0 == name { print uuid }'
}

stats-service db_init
uuid=$(find_client)
if [ -z "$uuid" ]; then
	# The same token: the front office needs no other.
	stats-service client_create --name "$NAME" --token "$TOKEN" > /dev/null
	uuid=$(find_client)
fi
stats-service stats_pull --client-uuid "$uuid" --stats-type all ${FROM:+--date-from "$FROM"}
stats-service db_status
