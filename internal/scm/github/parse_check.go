package github

import "github.com/slipway-dev/slipway/internal/scm"

func parseCheckRun(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		about
		CheckRun struct {
			Name       string `json:"name"`
			SHA        string `json:"head_sha"`
			Conclusion string `json:"conclusion"`
		} `json:"check_run"`
	}
	e, err := begin(e, body, &hook, &hook.about)
	if err != nil {
		return scm.Event{}, err
	}
	run := hook.CheckRun
	return scm.Checked(e, run.SHA, run.Name, stateOf(hook.Action, run.Conclusion))
}

func parseCheckSuite(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		about
		CheckSuite struct {
			SHA        string `json:"head_sha"`
			Conclusion string `json:"conclusion"`
			App        struct {
				Slug string `json:"slug"`
				Name string `json:"name"`
			} `json:"app"`
		} `json:"check_suite"`
	}
	e, err := begin(e, body, &hook, &hook.about)
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

func parseStatus(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		about
		SHA     string `json:"sha"`
		Context string `json:"context"`
		State   string `json:"state"`
	}
	e, err := begin(e, body, &hook, &hook.about)
	if err != nil {
		return scm.Event{}, err
	}
	state := scm.StateError
	switch hook.State {
	case "success":
		state = scm.StateSuccess
	case "failure":
		state = scm.StateFailure
	case "pending":
		state = scm.StatePending
	}
	return scm.Checked(e, hook.SHA, hook.Context, state)
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
