package workload

import "strings"

// Literal writes a text so that a container gets it as it is: in commands, arguments
// and variables Kubernetes puts a variable's value in place of $(NAME), and $ in place
// of $$.
func Literal(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		if text[i] == '$' && i+1 < len(text) && (text[i+1] == '$' || text[i+1] == '(') {
			out.WriteByte('$')
		}
	}
	return out.String()
}

// literals does the same for each of some texts, nil for nil.
func literals(texts []string) []string {
	if texts == nil {
		return nil
	}
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = Literal(text)
	}
	return all
}

// asWritten returns a service whose texts reach its containers as they are. Those of a
// template are written for Kubernetes.
func asWritten(in Input) Input {
	if in.Expands {
		return in
	}
	in.Service.Command, in.Service.Args = literals(in.Service.Command), literals(in.Service.Args)
	if env := in.Service.Env; env != nil {
		in.Service.Env = make(map[string]string, len(env))
		for name, value := range env {
			in.Service.Env[name] = Literal(value)
		}
	}
	if health := in.Service.Health; health != nil {
		copied := *health
		copied.Command = literals(health.Command)
		in.Service.Health = &copied
	}
	if release := in.Service.Release; release != nil {
		copied := *release
		copied.Command = literals(release.Command)
		in.Service.Release = &copied
	}
	return in
}
