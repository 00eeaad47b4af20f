package language

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

const (
	// phpPort is what Apache listens on in the images that are written.
	phpPort = 8080
	// phpDefault, phpLeast and phpMost are minor versions of PHP 8.
	phpDefault, phpLeast, phpMost = 4, 1, 4
)

var (
	// phpVersionText finds the minor version of PHP 8.
	phpVersionText = regexp.MustCompile(`8\.(\d)`)
	// herokuRoot finds the document root in a Procfile.
	herokuRoot = regexp.MustCompile(`heroku-php-(?:apache2|nginx)\s+(?:-\S+\s+\S+\s+)*([\w./-]+)`)
)

// composerJSON is what matters here of a composer.json.
type composerJSON struct {
	Require map[string]string `json:"require"`
}

// php recognises a program of PHP, which Apache serves.
func php(d files.Dir, service *found.Service) error {
	var composer composerJSON
	if text := d.Text("composer.json"); text != "" {
		var wrongType *json.UnmarshalTypeError
		if err := json.Unmarshal([]byte(text), &composer); err != nil && !asType(err, &wrongType) {
			return fmt.Errorf("%s is not valid: %w; correct it", d.Join("composer.json"), err)
		}
	}
	root := phpRoot(d)
	if root == "" {
		return fmt.Errorf("there is no index.php, neither here nor in public/, web/ or www/, so it seems to be a library")
	}
	service.Listen(phpPort)
	values := map[string]any{"Root": root, "Port": phpPort, "Version": "8." + strconv.Itoa(phpMinor(composer.Require["php"])), "Composer": d.Has("composer.json"), "Lock": strings.Join(d.Present("composer.json", "composer.lock", "symfony.lock"), " ")}
	if d.Has("artisan") {
		laravel(service)
		values["Laravel"] = true
	}
	if d.Has("symfony.lock") || d.Has("bin/console") {
		service.SetEnv("APP_ENV", "prod")
		service.Hold("APP_SECRET")
		values["Symfony"] = true
	}
	values["Packages"], values["Extensions"] = phpExtensions(d, composer)
	phpPages(d, values)
	if d.Has("composer.json") && !d.Has("composer.lock") {
		service.Hint("%s: no composer.lock says which versions are installed: each build takes the newest ones", d.Join("composer.json"))
	}
	return write(d, service, "php", values)
}

// phpRoot returns the directory that is served.
func phpRoot(d files.Dir) string {
	if root := firstGroup(herokuRoot, webCommand(d)); root != "" && found.IsPlain(root) {
		return strings.TrimSuffix(root, "/")
	}
	for _, root := range []string{"public", "web", "www", "webroot", "html", "."} {
		if d.Has(root+"/index.php") || root == "." && d.Has("index.php") {
			return root
		}
	}
	return ""
}

// laravel says what each Laravel project needs.
func laravel(service *found.Service) {
	service.SetEnv("APP_ENV", "production")
	service.SetEnv("LOG_CHANNEL", "stderr")
	service.Hold("APP_KEY")
	service.Spec.Health = &project.Health{Path: "/up"}
	service.Hint("Laravel: give DB_HOST and the like with env, DB_PASSWORD with slipway seal, and a release command (php artisan migrate --force) once there is a database; where it keeps files, add a volume for storage/")
}

// phpPages says how the pages of a program are built with Node.js.
func phpPages(d files.Dir, values map[string]any) {
	m, err := readManifest(d)
	if err != nil || m.Scripts["build"] == "" {
		return
	}
	tool := toolOf(d)
	values["Node"], values["NodeSetup"], values["NodeBuild"] = tool.image(nodeVersion(d, d, m)), tool.setup(d), tool.install(d)+" && "+tool.run(".")
}

// phpExtensions returns what must be installed for the extensions that a
// program asks for: packages of Debian, and extensions.
func phpExtensions(d files.Dir, composer composerJSON) (packages, extensions string) {
	debian := map[string]string{
		"pdo_mysql": "", "mysqli": "", "bcmath": "", "pcntl": "", "exif": "", "sockets": "", "calendar": "", "gettext": "", "pdo_pgsql": "libpq-dev", "pgsql": "libpq-dev",
		"gd": "libpng-dev libjpeg-dev libfreetype-dev", "intl": "libicu-dev", "zip": "libzip-dev", "soap": "libxml2-dev", "xsl": "libxslt1-dev", "gmp": "libgmp-dev", "bz2": "libbz2-dev", "ldap": "libldap-dev",
	}
	wanted := []string{"opcache"}
	need := func(name string) {
		if _, known := debian[name]; known && !slices.Contains(wanted, name) {
			wanted = append(wanted, name)
		}
	}
	for name := range composer.Require {
		if extension, is := strings.CutPrefix(name, "ext-"); is {
			need(strings.ReplaceAll(extension, "-", "_"))
		}
	}
	if d.Has("artisan") || composer.Require["doctrine/dbal"] != "" || composer.Require["doctrine/orm"] != "" || composer.Require["doctrine/doctrine-bundle"] != "" {
		for _, name := range []string{"pdo_mysql", "pdo_pgsql", "bcmath", "intl", "zip"} {
			need(name)
		}
	}
	slices.Sort(wanted)
	var all []string
	for _, name := range wanted {
		if debian[name] != "" {
			all = append(all, debian[name])
		}
	}
	return strings.Join(all, " "), strings.Join(wanted, " ")
}

// phpMinor returns the minor version of PHP 8 that a requirement asks for.
func phpMinor(requirement string) int {
	minor, err := strconv.Atoi(firstGroup(phpVersionText, requirement))
	if err != nil {
		return phpDefault
	}
	if strings.HasPrefix(requirement, "~8.") && strings.Count(requirement, ".") > 1 || strings.HasPrefix(requirement, "8.") {
		return min(max(minor, phpLeast), phpMost)
	}
	return min(max(minor, phpDefault), phpMost)
}
