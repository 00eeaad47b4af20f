package gate

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strconv"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/templates"
)

// page is what a browser sees while a preview wakes, or when it does not run.
type page struct{ template *template.Template }

func newPage() (*page, error) {
	parsed, err := template.ParseFS(templates.Gate(), "wake.html")
	if err != nil {
		return nil, fmt.Errorf("read the page of previews that wake: %w", err)
	}
	return &page{parsed}, nil
}

// refreshAfter is after how many seconds the page looks again.
const refreshAfter = 1

// shown is what the page shows.
type shown struct {
	Project, Stage string
	Title          string
	Phase          string
	Message        string
	Refresh        int // seconds; 0 for never
}

// serve answers with the page. It has no scripts and needs nothing else: it looks again
// by itself until the preview answers, or is known not to.
func (p *page) serve(w http.ResponseWriter, what shown, status int) {
	var text bytes.Buffer
	if err := p.template.Execute(&text, what); err != nil {
		unavailable(w, "The preview wakes up.")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(text.Len()))
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	header.Set("Retry-After", retryAfter)
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}

func shownOf(seen *view) shown {
	s := shown{Project: seen.Project, Stage: seen.Stage, Phase: string(seen.Phase), Refresh: refreshAfter}
	switch {
	case seen.wakesInVain():
		s.Title, s.Phase, s.Message, s.Refresh = "does not wake", "was asleep; load the page again to try once more", seen.Message, 0
	case seen.State == entrance.Asleep:
		s.Title, s.Phase = "wakes up", "was asleep"
	case seen.State == entrance.Starting:
		s.Title, s.Message = "starts", seen.Message
	case seen.Phase == v1alpha1.PhaseFailed:
		s.Title, s.Message, s.Refresh = "does not run", seen.Message, 0
	default:
		s.Title, s.Message = "is not reached", "Its pods take no connections now."
	}
	return s
}
