package forgetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAPIBody bounds a request of the API.
const maxAPIBody = 4 << 20

// apiError is an answer other than success.
type apiError struct {
	status  int
	message string
}

func (e *apiError) Error() string { return e.message }

func notFound() error { return &apiError{http.StatusNotFound, "Not Found"} }

func unprocessable(format string, args ...any) error {
	return &apiError{http.StatusUnprocessableEntity, "Validation Failed: " + fmt.Sprintf(format, args...)}
}

// endpoint answers one call: a status and something to encode.
type endpoint func(f *Forge, repo *repository, r *http.Request) (int, any, error)

// routes are the calls that the forge knows; everything else is 404.
func (f *Forge) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, call := range map[string]endpoint{
		"GET /repos/{owner}/{repo}":                                  getRepository,
		"GET /repos/{owner}/{repo}/collaborators/{login}/permission": getPermission,
		"POST /repos/{owner}/{repo}/statuses/{sha}":                  createStatus,
		"GET /repos/{owner}/{repo}/commits/{ref}/statuses":           listStatuses,
		"GET /repos/{owner}/{repo}/commits/{ref}/status":             combinedStatus,
		"GET /repos/{owner}/{repo}/commits/{ref}/check-runs":         listCheckRuns,
		"POST /repos/{owner}/{repo}/check-runs":                      createCheckRun,
		"PATCH /repos/{owner}/{repo}/check-runs/{id}":                updateCheckRun,
		"GET /repos/{owner}/{repo}/check-runs/{id}":                  getCheckRun,
		"GET /repos/{owner}/{repo}/pulls":                            listPulls,
		"POST /repos/{owner}/{repo}/pulls":                           createPull,
		"GET /repos/{owner}/{repo}/pulls/{number}":                   getPull,
		"GET /repos/{owner}/{repo}/issues/{number}/comments":         listComments,
		"POST /repos/{owner}/{repo}/issues/{number}/comments":        createComment,
		"GET /repos/{owner}/{repo}/issue-comments/{id}":              getComment,
		"PATCH /repos/{owner}/{repo}/issue-comments/{id}":            updateComment,
		"DELETE /repos/{owner}/{repo}/issue-comments/{id}":           deleteComment,
		"POST /repos/{owner}/{repo}/issue-comments/{id}/reactions":   createReaction,
		"GET /repos/{owner}/{repo}/deployments":                      listDeployments,
		"POST /repos/{owner}/{repo}/deployments":                     createDeployment,
		"GET /repos/{owner}/{repo}/deployments/{id}":                 getDeployment,
		"GET /repos/{owner}/{repo}/deployments/{id}/statuses":        listDeploymentStatuses,
		"POST /repos/{owner}/{repo}/deployments/{id}/statuses":       createDeploymentStatus,
		"GET /repos/{owner}/{repo}/hooks":                            listHooks,
		"POST /repos/{owner}/{repo}/hooks":                           createHook,
		"GET /repos/{owner}/{repo}/hooks/{id}":                       getHook,
		"PATCH /repos/{owner}/{repo}/hooks/{id}":                     updateHook,
		"DELETE /repos/{owner}/{repo}/hooks/{id}":                    deleteHook,
		"POST /repos/{owner}/{repo}/hooks/{id}/pings":                pingHook,
	} {
		mux.HandleFunc(pattern, f.answer(call))
	}
	mux.HandleFunc("GET /user", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, f.userShape("slipway")) })
	mux.HandleFunc("GET /orgs/{org}/teams/{team}/memberships/{login}", f.membership)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answerError(w, http.StatusNotFound, "Not Found") })
	return mux
}

// answer finds the repository, makes the call and encodes what it returns.
func (f *Forge) answer(call endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxAPIBody)
		repo, err := f.repository(r.PathValue("owner") + "/" + r.PathValue("repo"))
		if err != nil {
			answerError(w, http.StatusNotFound, "Not Found")
			return
		}
		status, value, err := call(f, repo, r)
		var refused *apiError
		switch {
		case errors.As(err, &refused):
			answerError(w, refused.status, refused.message)
		case err != nil:
			answerError(w, http.StatusInternalServerError, err.Error())
		case status == http.StatusNoContent:
			w.WriteHeader(status)
		default:
			if list, ok := value.([]any); ok {
				value = f.page(w, r, list)
			}
			write(w, status, value)
		}
	}
}

// page cuts a list as GitHub does and links to the next page.
func (f *Forge) page(w http.ResponseWriter, r *http.Request, list []any) []any {
	size, number := intParam(r, "per_page", 30), intParam(r, "page", 1)
	size = min(size, 100)
	from := min((number-1)*size, len(list))
	to := min(from+size, len(list))
	if to < len(list) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(number+1))
		q.Set("per_page", strconv.Itoa(size))
		next := f.URL() + "/api/v3" + (&url.URL{Path: r.URL.Path, RawQuery: q.Encode()}).String()
		w.Header().Set("Link", "<"+next+`>; rel="next"`)
	}
	return append([]any{}, list[from:to]...)
}

func intParam(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 {
		return otherwise
	}
	return n
}

// limits adds the headers that every answer of GitHub has.
func (f *Forge) limits(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-RateLimit-Limit", "5000")
	h.Set("X-RateLimit-Remaining", "4999")
	h.Set("X-RateLimit-Reset", strconv.FormatInt(f.clock().Add(time.Hour).Unix(), 10))
}

func answerError(w http.ResponseWriter, status int, message string) {
	write(w, status, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest"})
}

func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone when this fails
}

// read decodes a request's body.
func read(r *http.Request, into any) error {
	err := json.NewDecoder(r.Body).Decode(into)
	if err != nil && !errors.Is(err, io.EOF) {
		return &apiError{http.StatusBadRequest, "Problems parsing JSON"}
	}
	return nil
}

func pathID(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		return 0, notFound()
	}
	return id, nil
}

// find returns the element with an id; the lock that guards list is held.
func find[T any](list []*T, id int64, idOf func(*T) int64) (*T, error) {
	for _, one := range list {
		if idOf(one) == id {
			return one, nil
		}
	}
	return nil, notFound()
}

func getRepository(f *Forge, repo *repository, _ *http.Request) (int, any, error) {
	shape := f.repositoryShape(repo)
	shape["permissions"] = map[string]any{"admin": true, "maintain": true, "push": true, "triage": true, "pull": true}
	return http.StatusOK, shape, nil
}

func getPermission(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	login := r.PathValue("login")
	f.mu.Lock()
	level := repo.permissions[login]
	f.mu.Unlock()
	if level == "" {
		level = "none"
	}
	return http.StatusOK, map[string]any{"permission": level, "role_name": level, "user": f.userShape(login)}, nil
}

// SetPermission says what a login may do: admin, write, read or none.
func (f *Forge) SetPermission(repo, login, level string) error {
	r, err := f.repository(repo)
	if err != nil {
		return fmt.Errorf("set permission: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.permissions[login] = level
	return nil
}

// SetMember puts a login into the team ORGANIZATION/TEAM.
func (f *Forge) SetMember(team, login string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[team+" "+login] = true
}

func (f *Forge) membership(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	member := f.members[r.PathValue("org")+"/"+r.PathValue("team")+" "+r.PathValue("login")]
	f.mu.Unlock()
	if !member {
		answerError(w, http.StatusNotFound, "Not Found")
		return
	}
	write(w, http.StatusOK, map[string]any{"state": "active", "role": "member", "url": f.APIURL() + r.URL.Path[1:]})
}
