package forgetest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// maxAnnotations is how many annotations GitHub takes in one request.
const maxAnnotations = 50

// CheckRun is a check recorded at the forge.
type CheckRun struct {
	ID          int64
	Name        string
	Commit      string
	ExternalID  string
	DetailsURL  string
	Status      string // queued, in_progress or completed
	Conclusion  string
	Title       string
	Summary     string
	Text        string
	Annotations []Annotation
	Started     time.Time
}

// Annotation is a message at lines of a file.
type Annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
	Title     string `json:"title"`
}

// checkInput is what creating and updating a check run sends.
type checkInput struct {
	Name       string `json:"name"`
	HeadSHA    string `json:"head_sha"`
	ExternalID string `json:"external_id"`
	DetailsURL string `json:"details_url"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Output     *struct {
		Title       string       `json:"title"`
		Summary     string       `json:"summary"`
		Text        string       `json:"text"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
}

// CheckRuns returns the check runs of a commit, newest first.
func (f *Forge) CheckRuns(repo, commit string) ([]CheckRun, error) {
	r, err := f.repository(repo)
	if err != nil {
		return nil, fmt.Errorf("check runs: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []CheckRun
	for _, c := range r.checks {
		if c.Commit == commit {
			one := *c
			one.Annotations = slices.Clone(c.Annotations)
			out = append(out, one)
		}
	}
	return out, nil
}

// apply takes what is set in the input; annotations add up.
func (c *CheckRun) apply(in checkInput) error {
	if in.Output != nil && len(in.Output.Annotations) > maxAnnotations {
		return unprocessable("no more than %d annotations per request", maxAnnotations)
	}
	for to, from := range map[*string]string{
		&c.Name: in.Name, &c.ExternalID: in.ExternalID, &c.DetailsURL: in.DetailsURL, &c.Status: in.Status, &c.Conclusion: in.Conclusion,
	} {
		if from != "" {
			*to = from
		}
	}
	if in.Conclusion != "" {
		c.Status = "completed"
	}
	if in.Output != nil {
		c.Title, c.Summary, c.Text = in.Output.Title, in.Output.Summary, in.Output.Text
		c.Annotations = append(c.Annotations, in.Output.Annotations...)
	}
	return nil
}

func (f *Forge) checkShape(r *repository, c CheckRun) map[string]any {
	url := fmt.Sprintf("%srepos/%s/check-runs/%d", f.APIURL(), r.fullName(), c.ID)
	shape := map[string]any{
		"id": c.ID, "node_id": nodeID("CheckRun", c.ID), "name": c.Name, "head_sha": c.Commit, "external_id": c.ExternalID,
		"url": url, "html_url": fmt.Sprintf("%s/%s/runs/%d", f.URL(), r.fullName(), c.ID), "details_url": orNull(c.DetailsURL),
		"status": c.Status, "conclusion": orNull(c.Conclusion), "started_at": stamp(c.Started), "completed_at": nil,
		"output": map[string]any{
			"title": orNull(c.Title), "summary": orNull(c.Summary), "text": orNull(c.Text),
			"annotations_count": len(c.Annotations), "annotations_url": url + "/annotations",
		},
		"check_suite": map[string]any{"id": userID("suite " + c.Commit)}, "pull_requests": []any{},
		"app": map[string]any{"id": 1, "slug": "slipway", "name": "Slipway", "owner": f.userShape("slipway")},
	}
	if c.Status == "completed" {
		shape["completed_at"] = stamp(c.Started)
	}
	return shape
}

func createCheckRun(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in checkInput
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	commit, err := f.Head(repo.fullName(), in.HeadSHA)
	if err != nil || in.Name == "" {
		return 0, nil, unprocessable("name and head_sha of a commit are needed")
	}
	f.mu.Lock()
	c := &CheckRun{ID: f.id(), Commit: commit, Status: "queued", Started: f.clock()}
	if err = c.apply(in); err == nil {
		repo.checks = slices.Insert(repo.checks, 0, c)
	}
	one := *c
	f.mu.Unlock()
	return http.StatusCreated, f.checkShape(repo, one), err
}

func checkID(c *CheckRun) int64 { return c.ID }

func updateCheckRun(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in checkInput
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	return changeCheckRun(f, repo, r, func(c *CheckRun) error { return c.apply(in) })
}

func getCheckRun(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	return changeCheckRun(f, repo, r, func(*CheckRun) error { return nil })
}

func changeCheckRun(f *Forge, repo *repository, r *http.Request, change func(*CheckRun) error) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	c, err := find(repo.checks, id, checkID)
	if err == nil {
		err = change(c)
	}
	if err != nil {
		f.mu.Unlock()
		return 0, nil, err
	}
	one := *c
	f.mu.Unlock()
	return http.StatusOK, f.checkShape(repo, one), nil
}

func listCheckRuns(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	commit, err := f.Head(repo.fullName(), r.PathValue("ref"))
	if err != nil {
		return 0, nil, notFound()
	}
	list, err := f.CheckRuns(repo.fullName(), commit)
	if err != nil {
		return 0, nil, err
	}
	name := r.URL.Query().Get("check_name")
	out := []any{}
	for _, c := range list {
		if !differs(name, c.Name) {
			out = append(out, f.checkShape(repo, c))
		}
	}
	return http.StatusOK, map[string]any{"total_count": len(out), "check_runs": out}, nil
}
