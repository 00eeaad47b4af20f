package helm

import (
	"fmt"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/source"
)

func refuse(s source.Service, format string, args ...any) error {
	return fault.New(fault.Invalid, "service %s: chart %s: %s", s.Name, s.Spec.Helm.Chart, fmt.Sprintf(format, args...))
}

// inRepository returns where the repository has a template that Helm calls by the
// name of its chart.
func inRepository(template string, s source.Service) string {
	_, inside, _ := strings.Cut(template, "/")
	return path.Join(s.Spec.Helm.Chart, inside)
}

// Of a message that is too long, so much of its beginning and of its end stays.
// Helm's begin with the outermost template, and end with the cause.
const (
	mostBegin = 200
	mostEnd   = 400
)

// brief makes an error of Helm fit for a message: one line, bounded, with its
// innermost cause.
func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > mostBegin+mostEnd {
		text = strings.ToValidUTF8(text[:mostBegin], "") + " … " + strings.ToValidUTF8(text[len(text)-mostEnd:], "")
	}
	return text
}
