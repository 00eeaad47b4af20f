#!/bin/bash
# Starts PostgreSQL and sets up an empty data folder first.
#   POSTGRES_PASSWORD[_FILE]   the superuser's password; needed unless POSTGRES_HOST_AUTH_METHOD=trust
#   POSTGRES_USER[_FILE]       the superuser (postgres)
#   POSTGRES_DB[_FILE]         a first database (the superuser's name)
#   POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, PGDATA
# Files in /docker-entrypoint-initdb.d (*.sh, *.sql, *.sql.gz) run once, in order.
set -Eeo pipefail

die() {
	echo "postgres: $*" >&2
	exit 1
}

# setting NAME DEFAULT: takes NAME, or the content of the file that NAME_FILE names.
setting() {
	local name=$1 file="${1}_FILE"
	if [ -n "${!name}" ] && [ -n "${!file}" ]; then
		die "both $name and $file are set; set one"
	fi
	if [ -n "${!file}" ]; then
		[ -r "${!file}" ] || die "$file names ${!file}, which can't be read"
		printf -v "$name" %s "$(cat "${!file}")"
	fi
	if [ -z "${!name}" ]; then
		printf -v "$name" %s "$2"
	fi
	unset "$file"
	export "${name?}"
}

# sockets picks a folder for the local socket: the root may be read-only.
sockets() {
	for folder in /var/run/postgresql /tmp "$PGDATA"; do
		if [ -d "$folder" ] && [ -w "$folder" ]; then
			echo "$folder"
			return
		fi
	done
}

ask() {
	PGHOST=$(sockets) PGPASSWORD=$POSTGRES_PASSWORD PGOPTIONS= psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
		--username "$POSTGRES_USER" "$@"
}

# cluster runs initdb; words of POSTGRES_INITDB_ARGS are separate arguments.
cluster() {
	eval 'initdb --username="$POSTGRES_USER" --auth-local=trust "$@" '"$POSTGRES_INITDB_ARGS"
}

initialise() {
	local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
	if [ -n "$POSTGRES_PASSWORD" ]; then
		cluster --auth-host="$method" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
	elif [ "$method" = trust ]; then
		cluster --auth-host=trust
	else
		die "the data folder $PGDATA is empty and there is no password; set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE"
	fi
	printf 'host all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

# first_start runs a server that only the local socket reaches.
first_start() {
	pg_ctl -D "$PGDATA" -w -o "-c listen_addresses='' -c unix_socket_directories='$(sockets)'" start
	if [ "$POSTGRES_DB" != postgres ]; then
		ask --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
	fi
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		case "$file" in
		*.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
		*.sql) ask --dbname "$POSTGRES_DB" --file "$file" ;;
		*.sql.gz) gunzip -c "$file" | ask --dbname "$POSTGRES_DB" ;;
		esac
	done
	pg_ctl -D "$PGDATA" -m fast -w stop
}

if [ "${1#-}" != "$1" ]; then
	set -- postgres "$@"
fi
if [ "$1" != postgres ]; then
	exec "$@"
fi
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown -R postgres:postgres "$PGDATA" /var/run/postgresql
	chmod 700 "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	mkdir -p "$PGDATA"
	chmod 700 "$PGDATA" 2>/dev/null ||
		die "the data folder $PGDATA belongs to another user than $(id -u); set PGDATA to a folder below it"
	setting POSTGRES_PASSWORD ''
	setting POSTGRES_USER postgres
	setting POSTGRES_DB "$POSTGRES_USER"
	initialise
	first_start
fi
unset POSTGRES_PASSWORD PGPASSWORD
shift
exec postgres -c listen_addresses='*' -c unix_socket_directories="$(sockets)" "$@"
