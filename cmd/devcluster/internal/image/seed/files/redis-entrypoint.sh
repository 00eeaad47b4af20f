#!/bin/sh
set -e
# Options or a configuration file alone mean the server.
case "$1" in
-* | *.conf) set -- redis-server "$@" ;;
esac
# As root: give the data to the server's user and become that user.
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . ! -user redis -exec chown redis:redis '{}' +
	exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi
exec "$@"
