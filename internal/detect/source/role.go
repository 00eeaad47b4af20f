package source

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// words splits a path into its words.
var words = regexp.MustCompile(`[a-z0-9]+`)

// Purpose returns the word of a path that says that what is there is for
// development, tests or documentation, empty when nothing says so. Below names
// the directory that it is looked from.
func Purpose(name string) string {
	helpers := []string{
		"dev", "development", "develop", "devcontainer", "local", "localhost", "test", "tests", "testing", "e2e", "ci", "debug", "example", "examples", "sample", "samples",
		"demo", "demos", "doc", "docs", "documentation", "fixtures", "fixture", "bench", "benchmark", "benchmarks", "cypress", "playwright", "hack", "scripts", "script",
		"tools", "contrib", "spec", "lint", "tutorial", "tutorials", "template", "templates", "playground", "integration", "acceptance", "storybook", "gitpod",
	}
	for _, word := range words.FindAllString(strings.ToLower(name), -1) {
		if slices.Contains(helpers, word) {
			return word
		}
	}
	return ""
}

// production orders names: those that say production come first, those that
// say something else of the kind last.
func production(name string) int {
	found := words.FindAllString(strings.ToLower(name), -1)
	for rank, group := range [][]string{{"production", "prod", "prd", "live"}, {"release", "deploy"}} {
		if slices.ContainsFunc(found, func(word string) bool { return slices.Contains(group, word) }) {
			return rank
		}
	}
	if Purpose(name) != "" || slices.ContainsFunc(found, func(word string) bool {
		return slices.Contains([]string{"staging", "stage", "stg", "qa", "uat", "preview", "canary"}, word)
	}) {
		return 4
	}
	return 2
}

// depth is how many directories deep a path is.
func depth(name string) int {
	if path.Dir(name) == "." {
		return 0
	}
	return strings.Count(path.Dir(name), "/") + 1
}
