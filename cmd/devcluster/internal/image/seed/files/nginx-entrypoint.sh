#!/bin/sh
# Fills /etc/nginx/templates/*.template with the environment's variables, runs
# the scripts of /docker-entrypoint.d, and becomes the server.
set -e
if [ "$1" = nginx ]; then
	if [ -d /etc/nginx/templates ] && [ -w /etc/nginx/conf.d ]; then
		defined=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1} /p' | tr -d '\n')
		for template in /etc/nginx/templates/*.template; do
			[ -f "$template" ] || continue
			name=$(basename "$template" .template)
			envsubst "$defined" <"$template" >"/etc/nginx/conf.d/$name"
		done
	fi
	for script in /docker-entrypoint.d/*.sh; do
		if [ -x "$script" ]; then
			"$script"
		fi
	done
fi
exec "$@"
