package github

import (
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/hub"
)

func parseCheckRun(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		hub.About
		CheckRun struct {
			Name       string `json:"name"`
			SHA        string `json:"head_sha"`
			Conclusion string `json:"conclusion"`
		} `json:"check_run"`
	}
	e, err := hub.Begin(e, body, &hook, &hook.About)
	if err != nil {
		return scm.Event{}, err
	}
	run := hook.CheckRun
	return scm.Checked(e, run.SHA, run.Name, stateOf(hook.Action, run.Conclusion))
}

func parseCheckSuite(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		hub.About
		CheckSuite struct {
			SHA        string `json:"head_sha"`
			Conclusion string `json:"conclusion"`
			App        struct {
				Slug string `json:"slug"`
				Name string `json:"name"`
			} `json:"app"`
		} `json:"check_suite"`
	}
	e, err := hub.Begin(e, body, &hook, &hook.About)
	if err != nil {
		return scm.Event{}, err
	}
	suite := hook.CheckSuite
	name := suite.App.Slug
	if name == "" {
		name = suite.App.Name
	}
	return scm.Checked(e, suite.SHA, name, stateOf(hook.Action, suite.Conclusion))
}

// stateOf translates the state of a check; one that is to be run again is
// pending, whatever it said before. GitHub lets a neutral or skipped
// check pass, so it passes here; an unknown conclusion doesn't.
func stateOf(action, conclusion string) scm.State {
	if action != "completed" {
		return scm.StatePending
	}
	switch conclusion {
	case "success", "neutral", "skipped":
		return scm.StateSuccess
	case "failure":
		return scm.StateFailure
	}
	return scm.StateError
}
