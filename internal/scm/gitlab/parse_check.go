package gitlab

import "github.com/slipway-dev/slipway/internal/scm"

// pipelineCheck is the name under which a stage may require a whole pipeline.
const pipelineCheck = "pipeline"

func parsePipeline(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		User     user    `json:"user"`
		Project  project `json:"project"`
		Pipeline struct {
			SHA    string `json:"sha"`
			Status string `json:"status"`
		} `json:"object_attributes"`
		Builds []struct {
			Name string `json:"name"`
		} `json:"builds"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := fillShared(e, hook.Project, hook.User)
	if err != nil {
		return scm.Event{}, err
	}
	foreign := len(hook.Builds) == 0
	for _, build := range hook.Builds {
		foreign = foreign || !scm.Own(build.Name)
	}
	if !foreign { // GitLab makes a pipeline of the statuses that we set
		return scm.Ignored(e.Name, e.Delivery, "this is Slipway's own report"), nil
	}
	return scm.Checked(e, hook.Pipeline.SHA, pipelineCheck, stateOf(hook.Pipeline.Status))
}

func parseJob(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		User    user    `json:"user"`
		Project project `json:"project"`
		SHA     string  `json:"sha"`
		Name    string  `json:"build_name"`
		Status  string  `json:"build_status"`
		Allowed bool    `json:"build_allow_failure"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := fillShared(e, hook.Project, hook.User)
	if err != nil {
		return scm.Event{}, err
	}
	state := stateOf(hook.Status)
	if state == scm.StateFailure && hook.Allowed {
		state = scm.StateSuccess // GitLab lets it pass
	}
	return scm.Checked(e, hook.SHA, hook.Name, state)
}

// stateOf translates the status of a pipeline or a job. A skipped one doesn't
// pass: otherwise anyone could open every gate by writing [skip ci] into a commit.
func stateOf(status string) scm.State {
	switch status {
	case "success":
		return scm.StateSuccess
	case "failed":
		return scm.StateFailure
	case "canceled", "skipped":
		return scm.StateError
	}
	return scm.StatePending
}
