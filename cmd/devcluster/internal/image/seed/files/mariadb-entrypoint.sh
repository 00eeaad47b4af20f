#!/bin/bash
# Starts MariaDB and sets up an empty data folder first. MYSQL_* stands for
# MARIADB_* where that is not set.
#   MARIADB_ROOT_PASSWORD[_FILE]    root's password; or MARIADB_RANDOM_ROOT_PASSWORD,
#                                   MARIADB_ALLOW_EMPTY_ROOT_PASSWORD
#   MARIADB_DATABASE[_FILE]         a first database
#   MARIADB_USER, MARIADB_PASSWORD  (or _FILE): its user
# Files in /docker-entrypoint-initdb.d (*.sh, *.sql, *.sql.gz) run once, in order.
set -Eeo pipefail

die() {
	echo "mariadb: $*" >&2
	exit 1
}

# setting NAME: takes MARIADB_NAME or MYSQL_NAME, or the content of the file that
# either names with _FILE.
setting() {
	local name value= file
	for name in "MARIADB_$1" "MYSQL_$1"; do
		file="${name}_FILE"
		if [ -n "${!name}" ] && [ -z "$value" ]; then
			value=${!name}
		elif [ -n "${!file}" ] && [ -z "$value" ]; then
			[ -r "${!file}" ] || die "$file names ${!file}, which can't be read"
			value=$(cat "${!file}")
		fi
	done
	printf -v "$1" %s "$value"
}

quoted() {
	printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"
}

ask() {
	mariadb --socket="$socket" --user=root --skip-password "$@"
}

accounts() {
	if [ -n "$DATABASE" ]; then
		echo "CREATE DATABASE IF NOT EXISTS \`${DATABASE//\`/\`\`}\`;"
	fi
	if [ -n "$USER" ]; then
		[ -n "$PASSWORD" ] || die "MARIADB_USER is set and MARIADB_PASSWORD isn't; set it"
		echo "CREATE USER $(quoted "$USER")@'%' IDENTIFIED BY $(quoted "$PASSWORD");"
		if [ -n "$DATABASE" ]; then
			echo "GRANT ALL ON \`${DATABASE//_/\\_}\`.* TO $(quoted "$USER")@'%';"
		fi
	fi
	echo "CREATE USER healthcheck@localhost IDENTIFIED VIA unix_socket; GRANT USAGE ON *.* TO healthcheck@localhost;"
	echo "CREATE USER 'root'@'%' IDENTIFIED BY $(quoted "$ROOT_PASSWORD"); GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
	echo "SET PASSWORD FOR root@localhost = PASSWORD($(quoted "$ROOT_PASSWORD")); FLUSH PRIVILEGES;"
}

# first_start runs a server that only the local socket reaches.
first_start() {
	mariadb-install-db --user="$(id -un)" --datadir="$data" --skip-test-db --auth-root-authentication-method=normal >/dev/null
	mariadbd --datadir="$data" --socket="$socket" --skip-networking &
	local server=$! file
	for _ in $(seq 150); do
		if ask --execute 'select 1' >/dev/null 2>&1; then
			break
		fi
		kill -0 "$server" 2>/dev/null || die "the server ended while it was set up"
		sleep 0.2
	done
	if [ -n "$DATABASE" ]; then
		ask --execute "CREATE DATABASE IF NOT EXISTS \`${DATABASE//\`/\`\`}\`"
	fi
	for file in /docker-entrypoint-initdb.d/*; do
		case "$file" in
		*.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
		*.sql) ask "${DATABASE:-mysql}" <"$file" ;;
		*.sql.gz) gunzip -c "$file" | ask "${DATABASE:-mysql}" ;;
		esac
	done
	accounts | ask
	kill "$server"
	wait "$server" || true
}

case "$1" in
-*) set -- mariadbd "$@" ;;
mysqld) shift && set -- mariadbd "$@" ;;
esac
if [ "$1" != mariadbd ]; then
	exec "$@"
fi
data=/var/lib/mysql
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$data" /run/mysqld
	chown -R mysql:mysql "$data" /run/mysqld
	exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi
socket=/run/mysqld/mysqld.sock
[ -w /run/mysqld ] || socket=/tmp/mysqld.sock
shift
if [ ! -d "$data/mysql" ]; then
	setting ROOT_PASSWORD
	setting DATABASE
	setting USER
	setting PASSWORD
	setting RANDOM_ROOT_PASSWORD
	setting ALLOW_EMPTY_ROOT_PASSWORD
	setting ALLOW_EMPTY_PASSWORD
	if [ -n "$RANDOM_ROOT_PASSWORD" ]; then
		ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
	fi
	[ -n "$ROOT_PASSWORD$ALLOW_EMPTY_ROOT_PASSWORD$ALLOW_EMPTY_PASSWORD" ] ||
		die "the data folder is empty and there is no password; set MARIADB_ROOT_PASSWORD"
	first_start
fi
unset MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD MARIADB_PASSWORD MYSQL_PASSWORD
exec mariadbd --datadir="$data" --socket="$socket" --bind-address=0.0.0.0 "$@"
