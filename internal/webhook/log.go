package webhook

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
)

// logRefused logs a request that wasn't believed. Only names that can be ours
// are logged, and errors of our own making: nothing of the body is in them.
func (d *Receiver) logRefused(c echo.Context, r *request, err error) {
	because := refusalOf(err)
	level := slog.LevelInfo
	if because.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	fields := []any{"address", c.RealIP(), "status", because.status, "error", err}
	if isName(r.organization) && isName(r.project) {
		fields = append(fields, "organization", r.organization, "project", r.project)
	}
	d.log.Log(c.Request().Context(), level, "a webhook request was refused", fields...)
}

// logAuthenticated logs what became of a believed delivery.
func (d *Receiver) logAuthenticated(c echo.Context, r *request, reply answer, err error) {
	fields := []any{"organization", r.organization, "project", r.project, "forge", r.forge}
	if err == nil {
		d.log.Info("a delivery was "+reply.Result, append(fields, "delivery", reply.Delivery, "bytes", len(r.body))...)
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
	d.log.Log(c.Request().Context(), level, "a delivery was refused", append(fields, "status", because.status, "error", err)...)
}
