package worker

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// renderOrder is a request and what it may read.
type renderOrder struct {
	Request render.Request `json:"request"`
	Limits  render.Limits  `json:"limits"`
}

// question asks for a path of the commit's tree.
type question struct {
	Name string `json:"name"`
	Most int64  `json:"most,omitempty"`
}

// answer is a mode, entries, or a file in the body; or a failure.
type answer struct {
	Mode    fs.FileMode  `json:"mode,omitempty"`
	Entries []tree.Entry `json:"entries,omitempty"`
	Failure *failure     `json:"failure,omitempty"`
}

// outcome is the end of a request; its manifests are the frame's body.
type outcome struct {
	Result  render.Result `json:"result"`
	Failure *failure      `json:"failure,omitempty"`
}

// failure is an error that keeps its meaning on the way through a pipe.
type failure struct {
	Missing   bool            `json:"missing,omitempty"`
	Invalid   bool            `json:"invalid,omitempty"`
	Irregular *tree.Irregular `json:"irregular,omitempty"`
	Code      fault.Code      `json:"code,omitempty"`
	Message   string          `json:"message"`
}

func failureOf(err error) *failure {
	var irregular *tree.Irregular
	var coded *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &failure{Missing: true, Message: err.Error()}
	case errors.Is(err, fs.ErrInvalid):
		return &failure{Invalid: true, Message: err.Error()}
	case errors.As(err, &irregular):
		return &failure{Irregular: irregular, Message: err.Error()}
	case errors.As(err, &coded):
		return &failure{Code: coded.Code, Message: coded.Message}
	}
	return &failure{Message: err.Error()}
}

func (f *failure) err() error {
	switch {
	case f == nil:
		return nil
	case f.Missing:
		return fmt.Errorf("%s: %w", f.Message, fs.ErrNotExist)
	case f.Invalid:
		return fmt.Errorf("%s: %w", f.Message, fs.ErrInvalid)
	case f.Irregular != nil:
		return f.Irregular
	case f.Code != "":
		return fault.New(f.Code, "%s", f.Message)
	}
	return errors.New(f.Message)
}
