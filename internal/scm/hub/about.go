package hub

import "github.com/slipway-dev/slipway/internal/scm"

// About is the part that most bodies share; embed it.
type About struct {
	Action     string      `json:"action"`
	Repository *Repository `json:"repository"`
	Sender     *User       `json:"sender"`
}

// Repository is a repository.
type Repository struct {
	FullName string `json:"full_name"`
}

// User is a person or a program.
type User struct {
	Login string `json:"login"`
	ID    scm.ID `json:"id"`
	Type  string `json:"type"` // GitHub's: Bot is a program
}

// Label is a label of a pull request.
type Label struct {
	Name string `json:"name"`
}

// Name returns the login, empty for nobody.
func (u *User) Name() string {
	if u == nil {
		return ""
	}
	return scm.Name(u.Login)
}

// Account returns the id of the account, empty for nobody.
func (u *User) Account() string {
	if u == nil {
		return ""
	}
	return string(u.ID)
}

// Fill puts the shared part into an event.
func (a About) Fill(e scm.Event) (scm.Event, error) {
	var path string
	if a.Repository != nil {
		path = a.Repository.FullName
	}
	repository, err := scm.Repository(path)
	if err != nil {
		return scm.Event{}, err
	}
	e.Repository, e.Actor, e.ActorID = repository, a.Sender.Name(), a.Sender.Account()
	return e, nil
}

// Begin decodes a body into v and fills in its shared part.
func Begin(e scm.Event, body []byte, v any, shared *About) (scm.Event, error) {
	if err := scm.Decode(body, v); err != nil {
		return scm.Event{}, err
	}
	return shared.Fill(e)
}

// Names returns the labels' names.
func Names(labels []Label) []string {
	var names []string
	for _, label := range labels {
		names = append(names, label.Name)
	}
	return scm.Labels(names)
}
