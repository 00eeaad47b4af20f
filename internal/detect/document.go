package detect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

var (
	// plainScalar is a text that YAML takes for a string without quotes, unless it is a yamlWord.
	plainScalar = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_./-]*|\.)$`)
	// plainValue is a text that needs no quotes unless YAML takes it for something
	// other than a string, which its encoder knows.
	plainValue = regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9_./-]*$`)
	// yamlWord is a text that YAML takes for something other than a string.
	yamlWord = regexp.MustCompile(`^(?i:true|false|null|yes|no|on|off|y|n)$`)
)

// maxLine is how long a line of the project file is before it is broken.
const maxLine = 120

// document writes the project file of all services.
func (m *maker) document() ([]byte, error) { return m.write(m.services) }

// write writes a project file of one stage.
func (m *maker) write(services []found.Service) ([]byte, error) {
	branch := m.about.Branch
	if branch == "" {
		branch = "main"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nproject: %s\nmembers:\n", scalar(found.ProjectName(m.about.Name)))
	fmt.Fprintf(&b, "  - {user: %s, role: owner} # %s\n", scalar(m.about.Owner), oneLine(m.about.OwnerFrom))
	fmt.Fprintf(&b, "stages:\n  - {name: production, branch: %s}\nservices:\n", scalar(branch))
	for _, service := range services {
		if err := writeService(&b, service); err != nil {
			return nil, err
		}
	}
	text := []byte(b.String())
	if _, err := projectfile.Parse(project.FileName, text); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the %s made for this repository is not valid: %v; give --owner, --project or --branch, or write it by hand", project.FileName, err)
	}
	return text, nil
}

// writeService writes one service: a key on each line, its value in the short
// form as long as that fits.
func writeService(b *strings.Builder, service found.Service) error {
	spec := service.Spec
	if len(service.Held) > 0 {
		spec.Secrets = append([]string{service.SecretName()}, spec.Secrets...)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(spec); err != nil {
		return fmt.Errorf("write service %s: %w", service.Name, err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text.Bytes(), &node); err != nil {
		return fmt.Errorf("write service %s: %w", service.Name, err)
	}
	unquote(&node)
	fmt.Fprintf(b, "  %s:\n", service.Name)
	fields := node.Content[0].Content
	for i := 0; i+1 < len(fields); i += 2 {
		if err := writeField(b, fields[i], fields[i+1], secretsOf(service, fields[i].Value)); err != nil {
			return fmt.Errorf("write service %s: %w", service.Name, err)
		}
	}
	return nil
}

// secretsOf is a comment that names the variables of a Secret that must be made.
func secretsOf(service found.Service, field string) string {
	if field != "secrets" || len(service.Held) == 0 {
		return ""
	}
	return " # " + oneLine(strings.Join(service.Held, ", ")) + ": made with slipway seal"
}

// writeField writes one key of a service.
func writeField(b *strings.Builder, key, value *yaml.Node, comment string) error {
	for _, style := range []yaml.Style{yaml.FlowStyle, 0} {
		if value.Kind != yaml.ScalarNode {
			value.Style = style
		}
		text, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, value}})
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		if style == yaml.FlowStyle && (len(lines) > 1 || len(lines[0]) > maxLine) && value.Kind != yaml.ScalarNode {
			continue
		}
		for i, line := range lines {
			if i == 0 {
				line += comment
			}
			b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
		}
		return nil
	}
	return nil
}

// unquote lets YAML decide which strings need quotes.
func unquote(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode {
		node.Style = 0
		if node.Tag == "!!str" && (!plainValue.MatchString(node.Value) || yamlWord.MatchString(node.Value)) {
			node.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, child := range node.Content {
		unquote(child)
	}
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			node.Content[i].Style = 0
		}
	}
}

// scalar writes a text so that YAML reads it as one.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !yamlWord.MatchString(text) {
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
