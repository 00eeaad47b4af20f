package starter

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

var (
	// pythonName is a name of Python: a package, a module or a variable.
	pythonName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// pythonApp finds the variable that holds a web application.
	pythonApp = regexp.MustCompile(`(?m)^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:\w+\.)?(?:FastAPI|Starlette|Flask|Quart|Litestar|create_app)\(`)
	// pythonServer finds the modules that a program serves with.
	pythonServer = regexp.MustCompile(`http\.server|socketserver|aiohttp|tornado|socket\b|wsgiref|bottle`)
	// pythonListenPort finds the port that a program listens on.
	pythonListenPort = regexp.MustCompile(`PORT["']\s*,\s*["']?(\d{2,5})|\(\s*["'][\w.]*["']\s*,\s*(\d{2,5})\s*\)|port\s*=\s*(\d{2,5})`)
)

// pythonPort is what services listen on whose command we write.
const pythonPort = 8000

// python recognises a Python service.
func (l looker) python(dir string) (Service, bool, error) {
	requirements, err := l.read(path.Join(dir, "requirements.txt"))
	if err != nil {
		return Service{}, false, err
	}
	about, err := l.read(path.Join(dir, "pyproject.toml"))
	if err != nil {
		return Service{}, false, err
	}
	files := l.present(dir, "requirements.txt", "pyproject.toml")
	if len(files) == 0 {
		return Service{}, false, nil
	}
	found := Service{Why: path.Join(dir, files[0]), Port: pythonPort}
	command, err := l.pythonCommand(dir, strings.ToLower(requirements+"\n"+about), &found)
	if err != nil || command == "" {
		return Service{}, false, err
	}
	if found.Port != 0 {
		found.env = map[string]string{"PORT": strconv.Itoa(found.Port)}
	}
	values := map[string]any{"Command": command, "Port": found.Port}
	if files[0] == "requirements.txt" {
		values["Requirements"] = files[0]
	}
	found.write, err = fill("python", values)
	return found, true, err
}

// pythonCommand returns what starts the service, as a JSON list, empty when
// nothing is found that could be started.
func (l looker) pythonCommand(dir, needs string, found *Service) (string, error) {
	port := strconv.Itoa(pythonPort)
	if l.isFile(path.Join(dir, "manage.py")) {
		if module := l.wsgi(dir); module != "" && requires(needs, "gunicorn") {
			return list("gunicorn", "--bind", "0.0.0.0:"+port, module), nil
		}
		found.notes = append(found.notes, "the Dockerfile starts Django's development server: add gunicorn to the requirements, and run it instead")
		return list("python", "manage.py", "runserver", "0.0.0.0:"+port), nil
	}
	entries := l.present(dir, "main.py", "app.py", "server.py", "wsgi.py", "run.py")
	if len(entries) == 0 {
		return "", nil
	}
	source, err := l.read(path.Join(dir, entries[0]))
	if err != nil {
		return "", err
	}
	application := strings.TrimSuffix(entries[0], ".py") + ":" + variable(source)
	switch {
	case requires(needs, "uvicorn"), requires(needs, "fastapi"):
		return list("uvicorn", application, "--host", "0.0.0.0", "--port", port), nil
	case requires(needs, "gunicorn"):
		return list("gunicorn", "--bind", "0.0.0.0:"+port, application), nil
	case requires(needs, "flask"):
		found.notes = append(found.notes, "the Dockerfile starts Flask's development server: add gunicorn to the requirements, and run it instead")
		return list("flask", "--app", application, "run", "--host", "0.0.0.0", "--port", port), nil
	}
	found.Port = pythonListens(source)
	if found.Port == 0 {
		found.notes = append(found.notes, "the program seems not to listen: if it does, add port and routes to slipway.yaml")
	}
	return list("python", entries[0]), nil
}

// wsgi returns the module of a Django project's WSGI application.
func (l looker) wsgi(dir string) string {
	entries, err := l.files.List(dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if e.Mode.IsDir() && pythonName.MatchString(e.Name) && l.isFile(path.Join(dir, e.Name, "wsgi.py")) {
			return e.Name + ".wsgi"
		}
	}
	return ""
}

// requires reports whether a package is among the requirements.
func requires(needs, name string) bool {
	return regexp.MustCompile(`(?m)(^|["'\s])` + name + `(\[|[\s"'=<>~!;]|$)`).MatchString(needs)
}

// variable returns the name of the application in a source.
func variable(source string) string {
	match := pythonApp.FindStringSubmatch(source)
	if match == nil {
		return "app"
	}
	return match[1]
}

// pythonListens returns the port that a program serves on by itself, 0 when it
// seems not to.
func pythonListens(source string) int {
	if !pythonServer.MatchString(source) {
		return 0
	}
	if found := firstPort(pythonListenPort, source); found != 0 {
		return found
	}
	return pythonPort
}
