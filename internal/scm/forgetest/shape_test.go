package forgetest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

var update = flag.Bool("update", false, "write testdata/recorded.json anew from the recorded payloads")

// recorded finds the collection of recorded payloads beside the repository;
// empty when it is not there.
func recorded(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	must(t, err)
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		found := filepath.Join(dir, "shared", "payloads", "github")
		if _, err := os.Stat(found); err == nil {
			return found
		}
	}
	return ""
}

// shape is what is known of one JSON value: the types it was seen with and
// what is in it; the elements of a list are its child "[]".
type shape struct {
	Types    map[string]bool
	Children map[string]*shape
}

func (s *shape) add(value any) {
	if s.Types == nil {
		s.Types, s.Children = map[string]bool{}, map[string]*shape{}
	}
	s.Types[typeOf(value)] = true
	for key, child := range children(value) {
		if s.Children[key] == nil {
			s.Children[key] = &shape{}
		}
		s.Children[key].add(child)
	}
}

// children yields what is in a value, with its key.
func children(value any) func(yield func(string, any) bool) {
	return func(yield func(string, any) bool) {
		switch v := value.(type) {
		case map[string]any:
			for key, child := range v {
				if !yield(key, child) {
					return
				}
			}
		case []any:
			for _, child := range v {
				if !yield("[]", child) {
					return
				}
			}
		}
	}
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "object"
	case []any:
		return "list"
	case float64:
		return "number"
	}
	return fmt.Sprintf("%T", value)
}

// MarshalJSON writes a value without children as its types.
func (s *shape) MarshalJSON() ([]byte, error) {
	types := strings.Join(slices.Sorted(maps.Keys(s.Types)), "|")
	if len(s.Children) == 0 {
		return json.Marshal(types)
	}
	out := map[string]any{"?": types}
	for key, child := range s.Children {
		out[key] = child
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *shape) UnmarshalJSON(raw []byte) error {
	s.Types, s.Children = map[string]bool{}, map[string]*shape{}
	var types string
	if json.Unmarshal(raw, &types) != nil {
		var parts map[string]json.RawMessage
		if err := json.Unmarshal(raw, &parts); err != nil {
			return err
		}
		if err := json.Unmarshal(parts["?"], &types); err != nil {
			return err
		}
		delete(parts, "?")
		for key, part := range parts {
			s.Children[key] = &shape{}
			if err := json.Unmarshal(part, s.Children[key]); err != nil {
				return err
			}
		}
	}
	for word := range strings.SplitSeq(types, "|") {
		s.Types[word] = true
	}
	return nil
}

// refuse lists what in value is not in the shape.
func (s *shape) refuse(value any, path string) []string {
	kind := typeOf(value)
	unknown := len(s.Types) == 1 && s.Types["null"] // never seen with a value
	if !s.Types[kind] && !unknown {
		return []string{fmt.Sprintf("%s is %s, recorded as %v", path, kind, slices.Sorted(maps.Keys(s.Types)))}
	}
	var out []string
	for key, child := range children(value) {
		if s.Children[key] == nil {
			out = append(out, path+"."+key+" is in no recorded payload")
			continue
		}
		out = append(out, s.Children[key].refuse(child, path+"."+key)...)
	}
	return out
}

// shapes returns what is known of each event: testdata/recorded.json, made
// from the recorded payloads and compared with them when they are there, and
// testdata/documented.json, which GitHub's documentation has beside.
func shapes(t *testing.T) map[string]*shape {
	t.Helper()
	const golden = "testdata/recorded.json"
	if dir := recorded(t); dir != "" {
		raw, err := json.MarshalIndent(collect(t, dir), "", " ")
		must(t, err)
		if *update {
			must(t, os.WriteFile(golden, append(raw, '\n'), 0o600))
		}
		old, err := os.ReadFile(golden)
		must(t, err)
		if strings.TrimSpace(string(old)) != string(raw) {
			t.Errorf("%s is not what the recorded payloads say; run the test with -update", golden)
		}
	}
	known := map[string]*shape{}
	for _, name := range []string{golden, "testdata/documented.json"} {
		raw, err := os.ReadFile(name)
		must(t, err)
		var part map[string]*shape
		must(t, json.Unmarshal(raw, &part))
		for event, s := range part {
			if known[event] == nil {
				known[event] = s
				continue
			}
			known[event].merge(s)
		}
	}
	return known
}

func (s *shape) merge(other *shape) {
	maps.Copy(s.Types, other.Types)
	for key, child := range other.Children {
		if s.Children[key] == nil {
			s.Children[key] = child
			continue
		}
		s.Children[key].merge(child)
	}
}

// collect reads the recorded payloads of the events that the forge sends.
func collect(t *testing.T, dir string) map[string]*shape {
	t.Helper()
	out := map[string]*shape{}
	for _, event := range events() {
		out[event] = &shape{}
		files, err := filepath.Glob(filepath.Join(dir, event+".*.json"))
		must(t, err)
		for _, name := range files {
			raw, err := os.ReadFile(name)
			must(t, err)
			var body any
			must(t, json.Unmarshal(raw, &body))
			out[event].add(body)
		}
	}
	return out
}

func events() []string {
	return []string{"ping", "push", "create", "delete", "pull_request", "issue_comment"}
}

// generate makes the forge send every event it knows.
func generate(t *testing.T) []message {
	t.Helper()
	f := newForge(t, forgetest.Options{})
	in := newInbox(t)
	_, err := f.SetHook(repo, in.server.URL, secret)
	must(t, err)
	_, err = f.Push(repo, "topic", map[string]string{"x": "1", "README.md": "changed", "bin/run": forgetest.Deleted}, "Topic\n\nbody", "bob")
	must(t, err)
	head, err := f.Head(repo, "topic")
	must(t, err)
	must(t, f.Tag(repo, "light", head, "", "bob"))
	must(t, f.Tag(repo, "v1", head, "note", "bob"))
	_, err = f.OpenPull(repo, forgetest.PullRequest{Title: "T", Body: "B", Head: "topic", Login: "bob", Labels: []string{"x"}})
	must(t, err)
	_, err = f.PushCommit(repo, forgetest.Commit{Branch: "topic", Parent: "none", Files: map[string]string{"y": "1"}, Message: "Force", Login: "bob"})
	must(t, err)
	for _, action := range []string{"labeled", "unlabeled", "converted_to_draft", "ready_for_review", "closed", "reopened"} {
		must(t, f.EditPull(repo, 1, action, "preview", "alice"))
	}
	_, err = f.Comment(repo, 1, "/slipway deploy", "alice")
	must(t, err)
	must(t, f.SetRef(repo, "refs/heads/topic", "", "bob"))
	must(t, f.SetRef(repo, "refs/tags/light", "", "bob"))
	return in.take(f)
}

// TestShapes compares every generated payload with recorded ones: each key
// must exist there with the same JSON type.
func TestShapes(t *testing.T) {
	known := shapes(t)
	seen := map[string]int{}
	for _, m := range generate(t) {
		seen[m.Event]++
		if known[m.Event] == nil {
			t.Errorf("no recorded payload for event %s", m.Event)
			continue
		}
		wrong := known[m.Event].refuse(m.Body, "")
		slices.Sort(wrong)
		for _, line := range slices.Compact(wrong) {
			t.Errorf("%s: %s", m.brief(), line)
		}
	}
	for _, event := range events() {
		if seen[event] == 0 {
			t.Errorf("no %s event was generated", event)
		}
	}
}

// TestGoGitHubReadsPayloads checks the fields that a consumer built on
// go-github needs.
func TestGoGitHubReadsPayloads(t *testing.T) {
	for _, m := range generate(t) {
		event, err := github.ParseWebHook(m.Event, m.Raw)
		if err != nil {
			t.Errorf("%s: %v", m.brief(), err)
			continue
		}
		needed := map[string]string{}
		switch e := event.(type) {
		case *github.PushEvent:
			needed["repository"], needed["clone_url"] = e.GetRepo().GetFullName(), e.GetRepo().GetCloneURL()
			needed["ref"], needed["before"], needed["after"] = e.GetRef(), e.GetBefore(), e.GetAfter()
			needed["sender"], needed["pusher"] = e.GetSender().GetLogin(), e.GetPusher().GetName()
			if !e.GetDeleted() {
				needed["head commit"], needed["author"] = e.GetHeadCommit().GetID(), e.GetHeadCommit().GetAuthor().GetEmail()
			}
		case *github.PullRequestEvent:
			p := e.GetPullRequest()
			needed["head"], needed["head repo"] = p.GetHead().GetSHA(), p.GetHead().GetRepo().GetFullName()
			needed["base"], needed["action"] = p.GetBase().GetRef(), e.GetAction()
			needed["user"], needed["state"] = p.GetUser().GetLogin(), p.GetState()
		case *github.CreateEvent:
			needed["ref"], needed["type"], needed["repository"] = e.GetRef(), e.GetRefType(), e.GetRepo().GetFullName()
		case *github.DeleteEvent:
			needed["ref"], needed["type"], needed["repository"] = e.GetRef(), e.GetRefType(), e.GetRepo().GetFullName()
		case *github.IssueCommentEvent:
			needed["body"], needed["user"] = e.GetComment().GetBody(), e.GetComment().GetUser().GetLogin()
			needed["pull request"] = e.GetIssue().GetPullRequestLinks().GetURL()
		case *github.PingEvent:
			needed["zen"], needed["url"] = e.GetZen(), e.GetHook().GetConfig().GetURL()
		default:
			t.Errorf("%s is read as %T", m.brief(), event)
		}
		for name, value := range needed {
			if value == "" {
				t.Errorf("%s: go-github finds no %s", m.brief(), name)
			}
		}
	}
}
