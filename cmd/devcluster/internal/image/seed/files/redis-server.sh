#!/bin/sh
# Redis refuses other hosts when neither a password nor a configuration says
# otherwise. In a container the network decides who reaches it, so that default
# is turned here; whatever the caller sets wins.
config=
if [ -n "$1" ] && [ "${1#-}" = "$1" ]; then
	config=$1
	shift
	if grep -qs '^[[:space:]]*protected-mode' "$config"; then
		exec /usr/bin/redis-server "$config" "$@"
	fi
fi
exec /usr/bin/redis-server ${config:+"$config"} --protected-mode no "$@"
