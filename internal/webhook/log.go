package webhook

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
)

// logRefused logs a request that failed authentication. It logs only names that
// are well formed, and errors of our own, which quote nothing of the body.
func (r *Receiver) logRefused(c echo.Context, req *request, err error) {
	because := refusalOf(err)
	level := slog.LevelInfo
	if because.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	fields := []any{"address", c.RealIP(), "status", because.status, "error", err}
	if isName(req.organization) && isName(req.project) {
		fields = append(fields, "organization", req.organization, "project", req.project)
	}
	r.log.Log(c.Request().Context(), level, "a webhook request was refused", fields...)
}

// logAuthenticated logs what became of an authenticated delivery.
func (r *Receiver) logAuthenticated(c echo.Context, req *request, reply answer, err error) {
	fields := []any{"organization", req.organization, "project", req.project, "forge", req.forge}
	if err == nil {
		r.log.Info("a delivery was "+reply.Result, append(fields, "delivery", reply.Delivery, "bytes", len(req.body))...)
		return
	}
	because := refusalOf(err)
	level := slog.LevelWarn
	if because.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if because.result == resultForeign { // its message quotes the body
		err = errors.New("the body names a repository that is not the project's")
	}
	r.log.Log(c.Request().Context(), level, "a delivery was refused", append(fields, "status", because.status, "error", err)...)
}
