//go:build e2e

package seed

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
)

// newSeeder works in $DEVCLUSTER_CACHE, where other runs' layers are, or in a
// folder that goes with the test.
func newSeeder(t *testing.T) *Seeder {
	t.Helper()
	cache := os.Getenv("DEVCLUSTER_CACHE")
	if cache == "" {
		cache = t.TempDir()
	}
	source, err := filepath.Abs("../../..")
	must(t, err)
	return New(cache, source, progress.New(t.Output()))
}

func makeImage(t *testing.T, name string) v1.Image {
	t.Helper()
	seeder := newSeeder(t)
	recipe, err := seeder.find(name)
	must(t, err)
	image, err := seeder.make(t.Context(), recipe)
	must(t, err)
	return image
}

// The busybox image is made anew, from the package on.
func TestBusybox(t *testing.T) {
	t.Setenv("DEVCLUSTER_CACHE", "")
	box := unpack(t, makeImage(t, "busybox"))
	box.expect(t, "uid=0(root)", "id")
	box.expect(t, "httpd\n", "ls /bin | grep -x httpd; for applet in nc wget vi awk; do command -v $applet; done")
	box.expect(t, "1777", "stat -c %a /tmp; test -d /etc/ssl/certs; test -d /root")
	box.expect(t, "<h1>hi", "mkdir /www; echo '<h1>hi</h1>' >/www/index.html; httpd -p 127.0.0.1:7380 -h /www; wget -qO- http://127.0.0.1:7380/")
}

func TestBusyboxAccounts(t *testing.T) {
	box := unpack(t, makeImage(t, "busybox"))
	for name, test := range map[string]struct{ script, want string }{
		"user":            {"adduser -D -u 1234 web; id web; stat -c %u /home/web", "uid=1234(web) gid=1234(web) groups=1234(web)\n1234"},
		"system user":     {"addgroup -S app; adduser -S -D -H -G app -h /srv app; grep ^app: /etc/passwd", "app:x:100:100:Linux User,,,:/srv:/bin/false"},
		"group by number": {"addgroup -g 4321 crew; adduser -D -G crew sam; id sam", "gid=4321(crew)"},
		"join":            {"addgroup team; adduser -D joe; addgroup joe team; addgroup joe team; grep ^team: /etc/group", "joe\n"},
		"taken":           {"adduser -D bob; ! adduser -D bob", "user 'bob' in use"},
		"unknown group":   {"! adduser -D -G nosuch eve; grep ^eve: /etc/passwd || echo none", "none"},
	} {
		t.Run(name, func(t *testing.T) { box.expect(t, test.want, test.script) })
	}
}

func TestDebian(t *testing.T) {
	box := unpack(t, makeImage(t, "debian"))
	box.expect(t, "VERSION_CODENAME=bookworm", "cat /etc/os-release")
	box.expect(t, "bookworm-security", "cat /etc/apt/sources.list.d/debian.sources")
	box.expect(t, "nothing", "test -z \"$(find /usr/share/man /dev/disk /var/log -type f 2>/dev/null)\" && echo nothing")
	box.expect(t, "/usr/bin/xxd", "apt-get update -qq; apt-get install -y -qq xxd; command -v xxd")
}

func TestGolang(t *testing.T) {
	box := unpack(t, makeImage(t, "golang"))
	box.expect(t, "go1.26", "go version; git --version")
	box.expect(t, "local", "go env GOTOOLCHAIN GOPATH CGO_ENABLED")
	box.expect(t, "hi", `cd /tmp; echo 'package main; func main() { println("hi") }' >hi.go; go run hi.go`)
}

func TestRedis(t *testing.T) {
	const ask = `cd /data; docker-entrypoint.sh redis-server --port 7379 --save '' & sleep 0.2
until redis-cli -p 7379 ping 2>/dev/null; do sleep 0.1; done
redis-cli -p 7379 set a b; redis-cli -p 7379 get a; redis-cli -p 7379 config get protected-mode
cat /proc/[0-9]*/status | grep -c '^Uid:.999'; redis-cli -p 7379 shutdown nosave; wait`
	for name, change := range map[string]func(*container){
		"as root":                   func(*container) {},
		"as 999 on read-only root":  func(c *container) { c.user, c.readOnly, c.tmpfs = "999:999", true, []string{"/data"} },
		"as anybody on own storage": func(c *container) { c.user, c.readOnly, c.tmpfs = "4711:4711", true, []string{"/data"} },
	} {
		t.Run(name, func(t *testing.T) {
			box := unpack(t, makeImage(t, "redis"))
			change(box)
			if strings.HasPrefix(box.user, "4711") {
				box.expect(t, "protected-mode\nno", strings.ReplaceAll(ask, "grep -c '^Uid:.999'", "grep -c '^Uid:.4711'"))
				return
			}
			box.expect(t, "protected-mode\nno", ask)
		})
	}
}

func TestPostgres(t *testing.T) {
	const ask = `docker-entrypoint.sh postgres -p 7432 >/tmp/log 2>&1 & server=$!
export PGPASSWORD="it's"
for i in $(seq 100); do
	psql -h 127.0.0.1 -p 7432 -U shop -d sh-op -tAc 'select current_user, current_database()' && break || sleep 0.2
done 2>/dev/null
PGPASSWORD=wrong psql -h 127.0.0.1 -p 7432 -U shop -d sh-op -c 'select 1' 2>&1 || echo refused
kill -INT $server; wait $server || { cat /tmp/log; exit 1; }`
	image := makeImage(t, "postgres")
	settings := []string{"POSTGRES_USER=shop", "POSTGRES_DB=sh-op"}
	for name, change := range map[string]func(*container){
		"as root": func(c *container) { c.env = append(c.env, "POSTGRES_PASSWORD=it's") },
		"as 999 on read-only root": func(c *container) {
			c.user, c.readOnly, c.tmpfs = "999:999", true, []string{"/data", "/tmp"}
			c.env = append(c.env, "PGDATA=/data/pg", "POSTGRES_PASSWORD_FILE=/etc/password")
			must(t, os.WriteFile(filepath.Join(c.root, "etc/password"), []byte("it's\n"), 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			box := unpack(t, image)
			box.env = append(box.env, settings...)
			change(box)
			output, err := box.run(t, "/bin/sh", "-ec", ask)
			if err != nil || !strings.Contains(output, "shop|sh-op") || !strings.Contains(output, "\nrefused") {
				t.Errorf("%v; want the query's answer and the wrong password refused in\n%s", err, output)
			}
		})
	}
	t.Run("no password", func(t *testing.T) {
		output, err := unpack(t, image).run(t, "docker-entrypoint.sh", "postgres")
		if err == nil || !strings.Contains(output, "set POSTGRES_PASSWORD") {
			t.Errorf("%v; want advice in\n%s", err, output)
		}
	})
}

func TestNginx(t *testing.T) {
	box := unpack(t, makeImage(t, "nginx"))
	box.expect(t, "Welcome to nginx", `mkdir -p /etc/nginx/templates; echo 'server { listen ${PORT}; location / { return 200 "from a template\n"; } }' >/etc/nginx/templates/other.conf.template
PORT=7381 /docker-entrypoint.sh nginx -g 'daemon off;' & sleep 1
curl -s http://127.0.0.1:7381/ | grep -x 'from a template'; curl -s http://127.0.0.1:80/
grep -l '^Uid:.101' /proc/[0-9]*/status | grep -q . ; kill $!; wait || true`)
}

func TestMariadb(t *testing.T) {
	const ask = `docker-entrypoint.sh mariadbd --port=7306 >/tmp/log 2>&1 & server=$!
for i in $(seq 200); do
	mariadb -h 127.0.0.1 -P 7306 -u shop "-pit's" -N -e 'select current_user(), database()' sh-op 2>/dev/null && break || sleep 0.2
done
healthcheck.sh --connect --innodb_initialized && echo healthy
mariadb -h 127.0.0.1 -P 7306 -u shop -pwrong -e 'select 1' 2>&1 || echo refused
kill $server; wait $server || { cat /tmp/log; exit 1; }`
	image := makeImage(t, "mariadb")
	for name, change := range map[string]func(*container){
		"as root": func(*container) {},
		"as 999":  func(c *container) { c.user, c.tmpfs = "999:999", []string{"/tmp"} },
	} {
		t.Run(name, func(t *testing.T) {
			box := unpack(t, image)
			box.env = append(box.env, "MARIADB_ROOT_PASSWORD=root", "MYSQL_DATABASE=sh-op", "MYSQL_USER=shop", "MYSQL_PASSWORD=it's")
			change(box)
			output, err := box.run(t, "/bin/sh", "-ec", ask)
			if err != nil || !strings.Contains(output, "shop@%\tsh-op") || !strings.Contains(output, "healthy") || !strings.Contains(output, "\nrefused") {
				t.Errorf("%v; want the query's answer and the wrong password refused in\n%s", err, output)
			}
		})
	}
	t.Run("no password", func(t *testing.T) {
		output, err := unpack(t, image).run(t, "docker-entrypoint.sh", "mariadbd")
		if err == nil || !strings.Contains(output, "set MARIADB_ROOT_PASSWORD") {
			t.Errorf("%v; want advice in\n%s", err, output)
		}
	})
}

func TestNode(t *testing.T) {
	box := unpack(t, makeImage(t, "node"))
	box.expect(t, "3\n", "docker-entrypoint.sh -p 1+2; npm --version >/dev/null; id node | grep -q uid=1000")
	box.expect(t, "42", `cd /tmp; echo '{"scripts": {"start": "node -p 40+2"}}' >package.json; HOME=/tmp npm start`)
}

func TestPython(t *testing.T) {
	box := unpack(t, makeImage(t, "python"))
	box.expect(t, "(3, 11)", "python -c 'import sys, ssl, sqlite3; print(sys.version_info[:2])'; pip --version >/dev/null")
	box.expect(t, "/tmp/v/bin/python", "python -m venv /tmp/v; /tmp/v/bin/python -c 'import sys; print(sys.executable)'; /tmp/v/bin/pip --version >/dev/null")
}

const dockerfile = `ARG TAG=1.36
FROM busybox:${TAG} AS build
WORKDIR /src
COPY . .
RUN test ! -e secret.txt && mkdir /www && cp page.html /www/index.html && ln -s index.html /www/home.html
FROM busybox:1.36
COPY --from=build --chown=1234:1234 /www /www
USER 1234
ENTRYPOINT ["httpd", "-f", "-h", "/www"]
`

// build runs the kaniko image on a context with that Dockerfile, with a mirror
// that holds busybox only.
func build(t *testing.T, dockerfile string) (box *container, output string, err error) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	must(t, newSeeder(t).Push(t.Context(), host, "busybox"))

	box = unpack(t, makeImage(t, "kaniko"))
	box.caps, box.tmpfs = buildCaps, []string{"/context", "/out"}
	// Mounted folders survive the executor; these hold its input and output.
	context := filepath.Join(box.root, "kaniko", "input")
	must(t, os.MkdirAll(context, 0o755), os.MkdirAll(filepath.Join(box.root, "kaniko", "output"), 0o755),
		os.WriteFile(filepath.Join(context, "Dockerfile"), []byte(dockerfile), 0o644),
		os.WriteFile(filepath.Join(context, "page.html"), []byte("hi"), 0o644),
		os.WriteFile(filepath.Join(context, "secret.txt"), nil, 0o644),
		os.WriteFile(filepath.Join(context, ".dockerignore"), []byte("secret.txt\n"), 0o644))
	output, err = box.run(t, "/kaniko/executor", "--force", "--context=dir:///kaniko/input", "--no-push",
		"--tar-path=/kaniko/output/image.tar", "--digest-file=/kaniko/output/digest", "--destination=app:1",
		"--registry-mirror="+host, "--insecure-registry="+host, "--insecure-pull", "--skip-default-registry-fallback",
		"--snapshot-mode=full", "--compressed-caching=false")
	return box, output, err
}

func TestKanikoBuilds(t *testing.T) {
	box, output, err := build(t, dockerfile)
	if err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	archive := filepath.Join(box.root, "kaniko", "output", "image.tar")
	image, err := tarball.ImageFromPath(archive, nil)
	must(t, err)
	layers, err := image.Layers()
	must(t, err)
	if len(layers) != 2 {
		t.Errorf("%d layers, want busybox's and the copied folder", len(layers))
	}
	if digest, err := os.ReadFile(filepath.Join(box.root, "kaniko", "output", "digest")); err != nil || !bytes.HasPrefix(digest, []byte("sha256:")) {
		t.Errorf("digest file: %q, %v", digest, err)
	}
	unpack(t, image).expect(t, "1234 hi", "echo $(stat -c %u /www/index.html) $(cat /www/home.html); test ! -e /src; test ! -e /kaniko")
	if _, err := oci.Assemble(image, oci.Config{}); err != nil {
		t.Errorf("the image can't be built upon: %v", err)
	}
}

func TestKanikoReportsTheFailingLine(t *testing.T) {
	_, output, err := build(t, "FROM busybox:1.36\nRUN echo before && cat /no/such/file\n")
	if err == nil || !strings.Contains(output, "/no/such/file") || !strings.Contains(output, "RUN echo before") {
		t.Errorf("%v; want the command and its output in\n%s", err, output)
	}
}
