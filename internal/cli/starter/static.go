package starter

import "path"

// static recognises pages that are served as they are.
func (l looker) static(dir string) (Service, bool, error) {
	for _, pages := range []string{".", "public"} {
		name := path.Join(dir, pages, "index.html")
		if !l.isFile(name) {
			continue
		}
		text, err := fill("static", map[string]any{"Pages": pages, "Port": 8080})
		return Service{Why: name, Port: 8080, health: "/", write: text}, true, err
	}
	return Service{}, false, nil
}
