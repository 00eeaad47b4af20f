package target

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/ready"
	"github.com/slipway-dev/slipway/internal/release"
)

// Who reads a release sees why its command failed, with the last lines that it
// wrote.
func TestFailedCommandKeepsItsLastLines(t *testing.T) {
	failed := &ready.HookError{Cause: cause.Cause{
		Code: cause.JobFailed, Sentence: "the command of Job/web-release failed, so what comes after it was not started", Detail: "no such table: carts",
	}}
	var got *release.Failure
	if !errors.As(failureOf(fmt.Errorf("apply: %w", failed)), &got) {
		t.Fatal("no failure of the release came of it")
	}
	want := release.Failure{Cause: "JobFailed", Message: failed.Cause.Sentence + "\nno such table: carts"}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("failure %+v, want %+v", *got, want)
	}
}
