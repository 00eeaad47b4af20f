package language

import (
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// rubyVersionText finds a version of Ruby.
	rubyVersionText = regexp.MustCompile(`(\d+\.\d+)(?:\.\d+)?`)
	// gemfileRuby finds what a Gemfile says of the version.
	gemfileRuby = regexp.MustCompile(`(?m)^\s*ruby\s*\(?\s*["']([^"']+)["']`)
	// gem finds the gems of a Gemfile.
	gem = regexp.MustCompile(`(?m)^\s*gem\s*\(?\s*["']([\w.-]+)["']`)
)

const (
	// rubyPort is what services listen on whose command we write.
	rubyPort = 3000
	// rubyDefault is the version where nothing asks for another one.
	rubyDefault = "3.4"
)

// ruby recognises a program of Ruby: Rails, or one with a config.ru.
func ruby(d files.Dir, service *found.Service) error {
	gems := map[string]bool{}
	for _, match := range gem.FindAllStringSubmatch(d.Text("Gemfile"), 1000) {
		gems[match[1]] = true
	}
	rails := gems["rails"] && d.Has("config/application.rb")
	web := webCommand(d)
	command := ""
	switch {
	case web != "":
		command = list(Shell(web)...)
	case rails && d.Has("config/puma.rb"):
		command = list("bundle", "exec", "puma", "-C", "config/puma.rb")
	case rails:
		command = list("bundle", "exec", "rails", "server", "-b", "0.0.0.0", "-p", "3000")
	case d.Has("config.ru") && gems["puma"]:
		command = list("bundle", "exec", "puma", "-b", "tcp://0.0.0.0:3000")
	case d.Has("config.ru"):
		command = list("bundle", "exec", "rackup", "-o", "0.0.0.0", "-p", "3000")
	default:
		return errNone
	}
	listen(service, rubyPort)
	packages := []string{"build-essential", "git", "libyaml-dev", "pkg-config"}
	libraries := []string{}
	for _, one := range [][3]string{{"pg", "libpq-dev", "libpq5"}, {"mysql2", "default-libmysqlclient-dev", "libmariadb3"}, {"sqlite3", "libsqlite3-dev", "libsqlite3-0"}, {"ruby-vips", "libvips-dev", "libvips42"}, {"image_processing", "libvips-dev", "libvips42"}} {
		if gems[one[0]] && !strings.Contains(strings.Join(packages, " "), one[1]) {
			packages, libraries = append(packages, one[1]), append(libraries, one[2])
		}
	}
	if rails {
		railsNeeds(d, service)
	}
	return write(d, service, "ruby", map[string]any{
		"Version": rubyVersion(d), "Command": command, "Port": rubyPort, "Packages": strings.Join(packages, " "), "Libraries": strings.Join(libraries, " "),
		"Lock": strings.Join(d.Present("Gemfile", "Gemfile.lock", ".ruby-version"), " "), "Frozen": d.Has("Gemfile.lock"), "Rails": rails, "Node": rails && d.Has("package.json"),
	})
}

// railsNeeds says what each Rails project needs.
func railsNeeds(d files.Dir, service *found.Service) {
	service.SetEnv("RAILS_ENV", "production")
	service.SetEnv("RAILS_LOG_TO_STDOUT", "true")
	service.SetEnv("RAILS_SERVE_STATIC_FILES", "true")
	if d.Has("config/credentials.yml.enc") {
		service.Hold("RAILS_MASTER_KEY")
	} else {
		service.Hold("SECRET_KEY_BASE")
	}
	if d.HasDirectory("db/migrate") && service.Spec.Release == nil {
		service.Spec.Release = &project.Hook{Command: []string{"bundle", "exec", "rails", "db:migrate"}}
	}
	service.Hint("Rails: DATABASE_URL must lead to a database: add one (template: postgres) and its Secret to secrets")
}

// rubyVersion returns the version that a program asks for.
func rubyVersion(d files.Dir) string {
	for _, text := range []string{d.Text(".ruby-version"), firstGroup(gemfileRuby, d.Text("Gemfile")), toolVersion(d, "ruby")} {
		if version := firstGroup(rubyVersionText, text); version != "" {
			if strings.HasPrefix(text, ">=") && version < rubyDefault {
				return rubyDefault
			}
			return version
		}
	}
	return rubyDefault
}
