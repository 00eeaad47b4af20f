package seed

import (
	"context"
	_ "embed"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

//go:embed files/redis-server.sh
var redisServer string

//go:embed files/redis-entrypoint.sh
var redisEntrypoint string

//go:embed files/postgres-entrypoint.sh
var postgresEntrypoint string

//go:embed files/mariadb-entrypoint.sh
var mariadbEntrypoint string

//go:embed files/mariadb-healthcheck.sh
var mariadbHealthcheck string

// serviceUser owns the data of services, as in the images of docker.io.
const serviceUser = 999

// entrypoint is where the images of docker.io keep theirs.
const entrypoint = "/usr/local/bin/docker-entrypoint.sh"

// redis behaves as the image of that name on docker.io where stages rely on
// it: user 999, data in /data, options as arguments, reachable from other pods.
func (m machine) redis(debian *layer) recipe {
	// The account comes first, so that the package's own script keeps its number.
	const before = `groupadd --system --gid 999 redis
useradd --system --uid 999 --gid redis --home-dir /data --no-create-home --shell /usr/sbin/nologin redis`
	const after = `rm -rf /var/lib/redis /etc/redis
install -d -o redis -g redis -m 0755 /data`
	return recipe{
		name: "redis:7", refs: []string{"library/redis:7", "library/redis:7.4", "library/redis:7.0", "library/redis:latest"},
		summary: "Debian 12's redis-server (7.0)",
		top: m.packages(debian, "redis", installation{
			packages: []string{"redis-server"}, before: before, after: after,
			files: map[string]string{entrypoint: redisEntrypoint, "/usr/local/bin/redis-server": redisServer},
		}),
		config: oci.Config{
			Entrypoint: []string{"docker-entrypoint.sh"},
			Cmd:        []string{"redis-server"},
			Env:        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			WorkingDir: "/data",
			Ports:      []string{"6379/tcp"},
			Volumes:    []string{"/data"},
		},
	}
}

// postgres behaves as the image of that name on docker.io where stages rely on
// it: user 999, POSTGRES_* settings, PGDATA, scripts for the first start.
func (m machine) postgres(debian *layer) recipe {
	const before = `groupadd --system --gid 999 postgres
useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --no-create-home --shell /bin/bash postgres
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf`
	const after = `install -d -o postgres -g postgres -m 0755 /var/lib/postgresql
install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
install -d /docker-entrypoint-initdb.d`
	return recipe{
		name: "postgres:15", refs: []string{"library/postgres:15"},
		summary: "Debian 12's postgresql-15",
		top: m.packages(debian, "postgres", installation{
			packages: []string{"postgresql-15"}, before: before, after: after,
			files:   map[string]string{entrypoint: postgresEntrypoint},
			folders: map[string]int64{"/run/postgresql": 0o3777},
		}),
		config: oci.Config{
			Entrypoint: []string{"docker-entrypoint.sh"},
			Cmd:        []string{"postgres"},
			Env: []string{
				"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin",
				"LANG=C.UTF-8", "PG_MAJOR=15", "PGDATA=/var/lib/postgresql/data",
			},
			StopSignal: "SIGINT", // fast shutdown
			Ports:      []string{"5432/tcp"},
			Volumes:    []string{"/var/lib/postgresql/data"},
		},
	}
}

// mariadb behaves as the image of that name on docker.io where stages rely on
// it: root that becomes user 999, MARIADB_* and MYSQL_* settings, scripts for
// the first start, healthcheck.sh.
func (m machine) mariadb(debian *layer) recipe {
	const before = `groupadd --system --gid 999 mysql
useradd --system --uid 999 --gid mysql --home-dir /var/lib/mysql --no-create-home --shell /bin/false mysql`
	const after = `rm -rf /var/lib/mysql /etc/mysql/mariadb.conf.d/50-server.cnf
install -d -o mysql -g mysql -m 0755 /var/lib/mysql
install -d /docker-entrypoint-initdb.d`
	return recipe{
		name: "mariadb:10.11", refs: tags("mariadb", "10.11", "10", "11", "11.4", "11.8", "lts", "latest"),
		summary: "Debian 12's mariadb-server (10.11)",
		top: m.packages(debian, "mariadb", installation{
			packages: []string{"mariadb-server"}, before: before, after: after,
			files:   map[string]string{entrypoint: mariadbEntrypoint, "/usr/local/bin/healthcheck.sh": mariadbHealthcheck},
			folders: map[string]int64{"/run/mysqld": 0o1777},
		}),
		config: oci.Config{
			Entrypoint: []string{"docker-entrypoint.sh"},
			Cmd:        []string{"mariadbd"},
			Env:        []string{searchPath, "LANG=C.UTF-8"},
			Ports:      []string{"3306/tcp"},
			Volumes:    []string{"/var/lib/mysql"},
		},
	}
}

// packages is one layer of Debian packages on the base.
func (m machine) packages(debian *layer, name string, what installation) *layer {
	return &layer{
		name: name, verb: "installing " + what.packages[0], below: debian,
		inputs: func(context.Context) ([]string, error) { return what.inputs(), nil },
		make: func(ctx context.Context, shop *workshop) (*oci.Tree, error) {
			return m.install(ctx, shop, what)
		},
	}
}
