package seed

import (
	_ "embed"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

//go:embed files/nginx-entrypoint.sh
var nginxEntrypoint string

//go:embed files/nginx.conf
var nginxSettings string

//go:embed files/nginx-default.conf
var nginxDefault string

//go:embed files/node-entrypoint.sh
var nodeEntrypoint string

// searchPath is where the programs of images are looked for.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// nginx behaves as the image of that name on docker.io where stages rely on it:
// root that becomes user 101, settings in conf.d and templates, pages in
// /usr/share/nginx/html, logs on the standard streams.
func (m machine) nginx(debian *layer) recipe {
	const before = `groupadd --system --gid 101 nginx
useradd --system --uid 101 --gid nginx --home-dir /nonexistent --no-create-home --shell /bin/false nginx`
	const after = `rm -rf /etc/nginx/sites-enabled /etc/nginx/sites-available /etc/nginx/modules-enabled /var/www
mkdir -p /etc/nginx/conf.d /etc/nginx/templates /docker-entrypoint.d /var/cache/nginx
cp /usr/share/slipway/nginx.conf /etc/nginx/nginx.conf
cp /usr/share/slipway/default.conf /etc/nginx/conf.d/default.conf
rm -rf /usr/share/slipway
chown -R nginx:nginx /var/cache/nginx
mkdir -p /usr/share/nginx/html
echo '<h1>Welcome to nginx!</h1>' >/usr/share/nginx/html/index.html`
	return recipe{
		name: "nginx:1.28", refs: tags("nginx", "1.22", "1.27", "1.28", "1.29", "1", "stable", "alpine", "latest"),
		summary: "Debian 12's nginx (1.22)",
		top: m.packages(debian, "nginx", installation{
			packages: []string{"nginx", "gettext-base", "curl"}, before: before, after: after,
			files: map[string]string{
				"/docker-entrypoint.sh": nginxEntrypoint, "/usr/share/slipway/nginx.conf": nginxSettings, "/usr/share/slipway/default.conf": nginxDefault,
			},
		}),
		config: oci.Config{
			Entrypoint: []string{"/docker-entrypoint.sh"},
			Cmd:        []string{"nginx", "-g", "daemon off;"},
			Env:        []string{searchPath},
			StopSignal: "SIGQUIT",
			Ports:      []string{"80/tcp"},
		},
	}
}

// node is Debian's Node.js with npm. It runs as root, as on docker.io.
func (m machine) node(debian *layer) recipe {
	const before = `groupadd --gid 1000 node
useradd --uid 1000 --gid node --shell /bin/bash --create-home node`
	return recipe{
		name: "node:24-slim", refs: tags("node", "18", "18-slim", "20", "20-slim", "22", "22-slim", "24", "24-slim", "lts", "lts-slim", "slim", "latest"),
		summary: "Debian 12's nodejs (18) with npm",
		top: m.packages(debian, "node", installation{
			packages: []string{"nodejs", "npm", "ca-certificates"}, before: before,
			files: map[string]string{entrypoint: nodeEntrypoint},
		}),
		config: oci.Config{
			Entrypoint: []string{"docker-entrypoint.sh"},
			Cmd:        []string{"node"},
			Env:        []string{searchPath},
		},
	}
}

// python is Debian's Python with pip and venv, under the names that it has on
// docker.io.
func (m machine) python(debian *layer) recipe {
	const after = `rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
for name in python python3; do ln -sf /usr/bin/python3 /usr/local/bin/$name; done
ln -sf /usr/bin/pip3 /usr/local/bin/pip`
	return recipe{
		name: "python:3.13-slim", refs: tags("python", "3.11", "3.11-slim", "3.12", "3.12-slim", "3.13", "3.13-slim", "3", "3-slim", "slim", "latest"),
		summary: "Debian 12's python3 (3.11) with pip and venv",
		top: m.packages(debian, "python", installation{
			packages: []string{"python3", "python3-pip", "python3-venv", "ca-certificates"}, after: after,
		}),
		config: oci.Config{
			Cmd: []string{"python3"},
			Env: []string{searchPath, "LANG=C.UTF-8"},
		},
	}
}

// tags are the references of an image of docker.io without an owner.
func tags(name string, versions ...string) []string {
	var refs []string
	for _, version := range versions {
		refs = append(refs, "library/"+name+":"+version)
	}
	return refs
}
