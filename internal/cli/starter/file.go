package starter

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// plainScalar is a text that YAML takes for a string without quotes, unless it is a yamlWord.
	plainScalar = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_./-]*|\.)$`)
	// yamlWord is a text that YAML takes for something other than a string.
	yamlWord = regexp.MustCompile(`^(?i:true|false|null|yes|no|on|off|y|n)$`)
	// noNamePart finds what a name can't hold.
	noNamePart = regexp.MustCompile(`[^a-z0-9]+`)
)

// projectFile writes a project file of one stage.
func projectFile(about About, services []Service) []byte {
	var b strings.Builder
	branch := about.Branch
	if branch == "" {
		branch = "main"
	}
	fmt.Fprintf(&b, "version: 1\nproject: %s\nmembers:\n", scalar(ProjectName(about.Name)))
	fmt.Fprintf(&b, "  - {user: %s, role: owner} # %s\n", scalar(about.Owner), oneLine(about.OwnerFrom))
	fmt.Fprintf(&b, "stages:\n  - {name: production, branch: %s}\nservices:\n", scalar(branch))
	for _, s := range services {
		writeService(&b, s)
	}
	return []byte(b.String())
}

func writeService(b *strings.Builder, s Service) {
	fmt.Fprintf(b, "  %s:\n", s.Name)
	if s.compose != nil {
		fmt.Fprintf(b, "    compose: {file: %s, services: [%s]}\n", s.compose.File, join(s.compose.Services))
		return
	}
	dockerfile := ""
	if s.dockerfile != "" {
		dockerfile = ", dockerfile: " + scalar(s.dockerfile)
	}
	fmt.Fprintf(b, "    build: {context: %s%s}\n", scalar(s.Directory), dockerfile)
	if s.Port != 0 {
		fmt.Fprintf(b, "    port: %d\n", s.Port)
	}
	if len(s.env) > 0 {
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(s.env)) {
			pairs = append(pairs, name+": "+strconv.Quote(s.env[name]))
		}
		fmt.Fprintf(b, "    env: {%s}\n", strings.Join(pairs, ", "))
	}
	if s.Port != 0 {
		b.WriteString("    routes: [{path: /}]\n")
	}
	if s.health != "" {
		fmt.Fprintf(b, "    health: {path: %s}\n", s.health)
	}
}

func join(values []string) string {
	var all []string
	for _, value := range values {
		all = append(all, scalar(value))
	}
	return strings.Join(all, ", ")
}

// scalar writes a text so that YAML reads it as one.
func scalar(text string) string {
	plain := plainScalar.MatchString(text)
	word := yamlWord.MatchString(text)
	if plain && !word {
		return text
	}
	return strconv.Quote(text)
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 {
			return ' '
		}
		return r
	}, text)
}

// ProjectName makes a project's name of any text.
func ProjectName(text string) string {
	if name := dashed(text); name != "" {
		return name
	}
	return "project"
}

// serviceName makes a service's name of any text.
func serviceName(text string) string {
	name := dashed(text)
	if name == "" || name[0] < 'a' {
		name = strings.TrimRight(fmt.Sprintf("%.40s", "s-"+name), "-")
	}
	return name
}

// dashed keeps lower-case letters and digits, with dashes for the rest, at
// most 40 characters.
func dashed(text string) string {
	text = noNamePart.ReplaceAllString(strings.ToLower(text), "-")
	text = strings.Trim(text, "-")
	return strings.TrimRight(text[:min(len(text), 40)], "-")
}
