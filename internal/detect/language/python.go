package language

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// pythonName is a name of Python: a package, a module or a variable.
	pythonName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// pythonApplication finds the variable that holds a web application, and its framework.
	pythonApplication = regexp.MustCompile(`(?m)^([A-Za-z_][A-Za-z0-9_]*)(?:\s*:\s*\w+)?\s*=\s*(?:\w+\.)*(FastAPI|Starlette|Quart|Litestar|Sanic|Flask|Bottle|Falcon|Dash|create_app|make_app|get_app|get_application|init_app)\(`)
	// pythonFactory finds the function that makes a web application.
	pythonFactory = regexp.MustCompile(`(?m)^def (create_app|make_app)\(`)
	// pythonServer finds the modules that a program serves with.
	pythonServer = regexp.MustCompile(`http\.server|socketserver|aiohttp|tornado|import socket\b|wsgiref|bottle|uvicorn\.run|\.run\(.*(host|port)|grpc\.server|streamlit|gradio`)
	// pythonListenPort finds the port that a program listens on.
	pythonListenPort = regexp.MustCompile(`PORT["']\s*,\s*["']?(\d{2,5})|\(\s*["'](?:|0\.0\.0\.0|127\.0\.0\.1|localhost|::)["']\s*,\s*(\d{2,5})\s*\)`)
	// pythonPortSetting finds settings of ports.
	pythonPortSetting = regexp.MustCompile(`(?i:port)\s*[=:]\s*(\d{2,5})`)
	// pythonVersionText finds the minor version of Python 3.
	pythonVersionText = regexp.MustCompile(`3\.(\d{1,2})`)
	// requiresPython finds what a project says of the version.
	requiresPython = regexp.MustCompile(`(?m)^\s*(?:requires-python|python)\s*=\s*["']([^"']+)["']`)
	// staticRoot finds where Django collects static files.
	staticRoot = regexp.MustCompile(`(?m)^\s*STATIC_ROOT\s*=`)
)

const (
	// pythonPort is what services listen on whose command we write.
	pythonPort = 8000
	// pythonDefault is the minor version where nothing asks for another one.
	pythonDefault = 13
	// pythonLeast and pythonMost are the versions that images are there of.
	pythonLeast, pythonMost = 8, 14
)

func pythonMarkers() []string {
	return []string{"pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt", "uv.lock"}
}

// pythonProgram is a program of Python while it is looked at.
type pythonProgram struct {
	d       files.Dir
	service *found.Service
	// needs is what the requirements say, in lower case.
	needs string
	// extra are packages that the Dockerfile installs, because the requirements
	// don't name them.
	extra []string
	// path is below the directory, where modules are looked for.
	path string
	// static says that Django's static files are collected.
	static bool
}

// python recognises a program of Python.
func python(d files.Dir, service *found.Service) error {
	p := &pythonProgram{d: d, service: service, path: "."}
	for _, name := range []string{"requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "requirements/production.txt", "requirements/prod.txt", "requirements/base.txt"} {
		p.needs += strings.ToLower(d.Text(name)) + "\n"
	}
	command := p.command()
	if command == "" {
		return errNone
	}
	if p.service.Spec.Port == 0 && !strings.Contains(command, `"python"`) {
		listen(p.service, pythonPort)
	}
	values := map[string]any{
		"Version": "3." + strconv.Itoa(pythonMinor(d)), "Command": command, "Port": p.service.Spec.Port, "Extra": strings.Join(p.extra, " "),
		"Path": "", "Static": p.static, "Libraries": strings.Join(p.libraries(), " "),
	}
	if p.path != "." {
		values["Path"] = "/app/" + p.path
	}
	p.installer(values)
	return write(d, service, "python", values)
}

// command returns what starts the service, as a JSON list, empty when nothing
// is found that could be started.
func (p *pythonProgram) command() string {
	web := webCommand(p.d)
	if p.d.Has("manage.py") {
		p.django()
	}
	switch {
	case web != "":
		listen(p.service, pythonPort)
		return list(Shell(bindAll(web))...)
	case p.d.Has("manage.py"):
		return p.djangoCommand()
	}
	entry, application, framework := p.application()
	switch {
	case entry == "":
		return p.script()
	case framework == "FastAPI" || framework == "Starlette" || framework == "Quart" || framework == "Litestar" || framework == "" && p.requires("uvicorn", "fastapi"):
		p.need("uvicorn", "uvicorn")
		return list("uvicorn", application, "--host", "0.0.0.0", "--port", strconv.Itoa(pythonPort))
	case framework == "Sanic":
		return list("sanic", application, "--host", "0.0.0.0", "--port", strconv.Itoa(pythonPort))
	}
	p.need("gunicorn", "gunicorn")
	return list("gunicorn", "--bind", "0.0.0.0:"+strconv.Itoa(pythonPort), application)
}

// bindAll makes a server of a Procfile listen for other pods: gunicorn does so
// by itself when PORT is set.
func bindAll(command string) string {
	if strings.Contains(command, "uvicorn") && !strings.Contains(command, "--host") && !strings.Contains(command, "gunicorn") {
		return command + " --host 0.0.0.0"
	}
	return command
}

// where is the file by which the program was recognised.
func (p *pythonProgram) where() string {
	return p.d.Join(p.d.First(pythonMarkers()...))
}

// need makes the Dockerfile install a package that the requirements don't name.
func (p *pythonProgram) need(name string, packages ...string) {
	if p.requires(name) || p.requires("fastapi[standard]", "fastapi[all]") && name == "uvicorn" {
		return
	}
	p.extra = append(p.extra, packages...)
	p.service.Hint("%s: %s is not among the requirements: the Dockerfile installs it; add it there", p.where(), name)
}

// requires reports whether one of the packages is among the requirements.
func (p *pythonProgram) requires(names ...string) bool {
	for _, name := range names {
		if regexp.MustCompile(`(?m)(^|["'\s])` + regexp.QuoteMeta(name) + `(\[|[\s"'=<>~!;,]|$)`).MatchString(p.needs) {
			return true
		}
	}
	return false
}

// entries are the modules that hold an application, the most usual first.
func (p *pythonProgram) entries() []string {
	names := []string{"main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "application.py", "api.py", "run.py", "__init__.py"}
	var all []string
	add := func(dir string) {
		for _, name := range names {
			if file := path.Join(dir, name); p.d.Has(file) {
				all = append(all, file)
			}
		}
	}
	add(".")
	for _, dir := range []string{"app", "src", "src/app", "api", "backend", "server", "application"} {
		add(dir)
	}
	for _, dir := range p.d.Directories() {
		below, inside := relative(p.d.Path, dir)
		if !inside || strings.Count(below, "/") > 2 || isTool(below) || !found.IsPlain(below) {
			continue
		}
		if below = strings.TrimSuffix(below, "/"); below != "." {
			add(below)
		}
	}
	return all
}

// application returns the file with the application, how a server names it,
// and the framework that made it; empty where there is none.
func (p *pythonProgram) application() (file, name, framework string) {
	for _, entry := range p.entries() {
		source := p.d.Text(entry)
		variable := ""
		if match := pythonApplication.FindStringSubmatch(source); match != nil {
			variable, framework = match[1], match[2]
		} else if match := pythonFactory.FindStringSubmatch(source); match != nil {
			variable, framework = match[1]+"()", "factory"
		}
		if variable == "" {
			continue
		}
		if framework == "create_app" || strings.Contains(framework, "_app") || framework == "factory" || framework == "get_application" {
			if framework = "Flask"; p.requires("fastapi", "uvicorn", "starlette") && !p.requires("flask") {
				framework = "FastAPI"
				variable = strings.TrimSuffix(variable, "()")
			}
		}
		module := p.module(entry)
		if module == "" {
			continue
		}
		p.service.Why += ", " + entry
		return entry, module + ":" + variable, framework
	}
	return "", "", ""
}

// module returns the name of the module in a file; one below src is looked for
// from there.
func (p *pythonProgram) module(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(file, ".py"), "/__init__")
	if below, found := strings.CutPrefix(name, "src/"); found && !p.d.Has("src/__init__.py") {
		p.path, name = "src", below
	}
	parts := strings.Split(name, "/")
	for _, part := range parts {
		if !pythonName.MatchString(part) {
			return ""
		}
	}
	return strings.Join(parts, ".")
}

// script returns the command of a plain program.
func (p *pythonProgram) script() string {
	entry := p.d.First("main.py", "app.py", "server.py", "run.py", "bot.py", "worker.py", "__main__.py", "src/main.py", "app/main.py")
	if entry == "" {
		return ""
	}
	source := p.d.Text(entry)
	p.service.Why += ", " + entry
	if p.requires("streamlit") && strings.Contains(source, "streamlit") {
		listen(p.service, 8501)
		return list("streamlit", "run", entry, "--server.port=8501", "--server.address=0.0.0.0")
	}
	if !pythonServer.MatchString(source) {
		p.service.Hint("%s: it seems not to listen: if it does, add port and routes to slipway.yaml", p.d.Join(entry))
		return list("python", entry)
	}
	port := ownPort(pythonListenPort, pythonPortSetting, source)
	if port == 0 {
		port = pythonPort
	}
	listen(p.service, port)
	return list("python", entry)
}

// installer says how the requirements are installed.
func (p *pythonProgram) installer(values map[string]any) {
	has := p.d.Has
	switch {
	case has("uv.lock"):
		values["Tool"], values["Manifests"] = "uv", "pyproject.toml uv.lock"
	case has("poetry.lock"):
		values["Tool"], values["Manifests"] = "poetry", "pyproject.toml poetry.lock"
	case has("Pipfile.lock"):
		values["Tool"], values["Manifests"] = "pipenv", "Pipfile Pipfile.lock"
	case has("requirements.txt"):
		values["Tool"], values["Manifests"], values["Requirements"] = "pip", "requirements.txt", "requirements.txt"
		if strings.Contains(p.needs, "-r ") || strings.Contains(p.needs, "-e ") || strings.Contains(p.needs, "file:") {
			values["Manifests"] = ""
		}
	case has("requirements/production.txt"), has("requirements/prod.txt"), has("requirements/base.txt"):
		values["Tool"], values["Manifests"] = "pip", ""
		values["Requirements"] = p.d.First("requirements/production.txt", "requirements/prod.txt", "requirements/base.txt")
	case has("pyproject.toml"), has("setup.py"):
		values["Tool"], values["Manifests"] = "project", ""
		p.service.Hint("%s: no lock file says which versions are installed: each build takes the newest ones", p.where())
	default:
		values["Tool"], values["Manifests"] = "none", ""
		p.service.Hint("%s: nothing says what the program needs: add a requirements.txt", p.where())
	}
}

// libraries are Debian packages that packages of Python need when they run.
func (p *pythonProgram) libraries() []string {
	var all []string
	for _, one := range [][2]string{{"psycopg2", "libpq5"}, {"psycopg", "libpq5"}, {"mysqlclient", "libmariadb3"}, {"python-magic", "libmagic1"}, {"weasyprint", "libpango-1.0-0 libpangoft2-1.0-0"}, {"opencv-python", "libgl1 libglib2.0-0"}} {
		if p.requires(one[0]) && !strings.Contains(strings.Join(all, " "), one[1]) {
			all = append(all, one[1])
		}
	}
	return all
}

// pythonMinor returns the minor version of Python 3 that a program asks for.
func pythonMinor(d files.Dir) int {
	project := d.Text("pyproject.toml") + d.Text("Pipfile")
	for _, text := range []string{d.Text(".python-version"), d.Text("runtime.txt"), toolVersion(d, "python"), firstGroup(requiresPython, project)} {
		minor, err := strconv.Atoi(firstGroup(pythonVersionText, text))
		if err != nil {
			continue
		}
		if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, ">") || strings.HasPrefix(trimmed, "^") {
			minor = openVersion(trimmed, minor)
		}
		return min(max(minor, pythonLeast), pythonMost)
	}
	return pythonDefault
}

// upperVersion finds the version that a range stays below.
var upperVersion = regexp.MustCompile(`<(=?)\s*3\.(\d{1,2})`)

// openVersion returns the version for a range: the default one, where it is
// inside.
func openVersion(text string, least int) int {
	most := pythonMost
	if match := upperVersion.FindStringSubmatch(text); match != nil {
		if n, err := strconv.Atoi(match[2]); err == nil {
			if most = n; match[1] == "" {
				most--
			}
		}
	}
	return max(least, min(pythonDefault, most))
}

// django prepares what every Django project needs: static files, and
// migrations before a version gets traffic.
func (p *pythonProgram) django() {
	settings := ""
	for _, name := range p.d.Below(p.d.Path, 5000) {
		if base := path.Base(name); base == "settings.py" || path.Base(path.Dir(name)) == "settings" && strings.HasSuffix(base, ".py") {
			settings += p.d.Tree.Text(name) + "\n"
		}
	}
	p.static = staticRoot.MatchString(settings)
	p.service.Spec.Release = &project.Hook{Command: []string{"python", "manage.py", "migrate", "--noinput"}}
	if strings.Contains(settings, "SECRET_KEY") && strings.Contains(settings, "environ") {
		p.service.Hint("%s: Django's settings read the environment: give what they need with env, and what is secret with slipway seal", p.d.Join("manage.py"))
	}
	p.service.Hint("%s: the host that the stage is reached at must be in ALLOWED_HOSTS", p.d.Join("manage.py"))
}

// djangoCommand serves the project's ASGI or WSGI application.
func (p *pythonProgram) djangoCommand() string {
	kind, server := "wsgi", []string{"gunicorn", "--bind", "0.0.0.0:" + strconv.Itoa(pythonPort)}
	if p.requires("channels", "daphne") || p.requires("uvicorn") && !p.requires("gunicorn") {
		kind, server = "asgi", []string{"uvicorn", "--host", "0.0.0.0", "--port", strconv.Itoa(pythonPort)}
	}
	for _, dir := range p.d.Directories() {
		below, inside := relative(p.d.Path, dir)
		if !inside || below == "." || isTool(below) || !p.d.Has(path.Join(below, kind+".py")) {
			continue
		}
		if module := p.module(path.Join(below, kind+".py")); module != "" {
			p.need(server[0], server[0])
			if kind == "asgi" {
				return list(append([]string{server[0], module + ":application"}, server[1:]...)...)
			}
			return list(append(server, module)...)
		}
	}
	listen(p.service, pythonPort)
	p.service.Hint("%s: no wsgi.py was found, so the Dockerfile starts Django's development server: run another one instead", p.d.Join("manage.py"))
	return list("python", "manage.py", "runserver", "0.0.0.0:"+strconv.Itoa(pythonPort))
}
