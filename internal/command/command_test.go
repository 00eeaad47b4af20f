package command

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

func TestParse(t *testing.T) {
	commit := strings.Repeat("4f2a9c1d", 5)
	tests := map[string]struct {
		text string
		want Command
		err  string // part of it
	}{
		"nothing":                     {text: "", want: Command{Name: Help}},
		"help":                        {text: "help", want: Command{Name: Help}},
		"approve the held file":       {text: "approve", want: Command{Name: Approve}},
		"approve a commit":            {text: "approve " + commit, want: Command{Name: Approve, Commit: commit}},
		"a commit in capitals":        {text: "approve " + strings.ToUpper(commit), want: Command{Name: Approve, Commit: commit}},
		"a SHA-256 commit":            {text: "approve " + strings.Repeat("a", 64), want: Command{Name: Approve, Commit: strings.Repeat("a", 64)}},
		"preview":                     {text: "preview", want: Command{Name: Preview}},
		"restart":                     {text: "restart", want: Command{Name: Restart}},
		"restart services":            {text: "restart  web\tapi web", want: Command{Name: Restart, Services: []string{"api", "web"}}},
		"extend by days":              {text: "extend 3d", want: Command{Name: Extend, Extension: 72 * time.Hour}},
		"extend by hours":             {text: "extend 90m", want: Command{Name: Extend, Extension: 90 * time.Minute}},
		"extend to the limit":         {text: "extend 30d", want: Command{Name: Extend, Extension: MaxExtension}},
		"sleep":                       {text: "sleep", want: Command{Name: Sleep}},
		"wake":                        {text: "wake", want: Command{Name: Wake}},
		"wake another":                {text: "wake pr-8", err: "wake takes no"},
		"logs":                        {text: "logs", want: Command{Name: Logs}},
		"unknown":                     {text: "destroy", err: `no command "destroy"`},
		"in capitals":                 {text: "Approve", err: "no command"},
		"the beginning of a commit":   {text: "approve 4f2a9c1d", err: "the first few can be forged"},
		"a branch":                    {text: "approve main", err: "no full commit id"},
		"an option":                   {text: "approve --all", err: "no full commit id"},
		"two commits":                 {text: "approve " + commit + " " + commit, err: "approve takes no"},
		"more than it takes":          {text: "preview pr-8", err: "write it as `/slipway preview`"},
		"another stage":               {text: "restart ../production", err: "no name of a service"},
		"too many services":           {text: "restart" + strings.Repeat(" web", maxServices+1), err: "restart takes no"},
		"as many services as may be":  {text: "restart" + strings.Repeat(" web", maxServices), want: Command{Name: Restart, Services: []string{"web"}}},
		"extend by nothing":           {text: "extend", err: "say by how long"},
		"extend by no duration":       {text: "extend soon", err: "no duration"},
		"extend into the past":        {text: "extend -3d", err: "not between"},
		"extend by too little":        {text: "extend 59m", err: "not between"},
		"extend beyond the limit":     {text: "extend 31d", err: "not between"},
		"extend beyond all numbers":   {text: "extend 99999999999999999999d", err: "no duration"},
		"extend by much":              {text: "extend 9223372036854775807d", err: "not between"},
		"a long word":                 {text: strings.Repeat("x", 200), err: "no command"},
		"characters that don't print": {text: "appr\u202eove", err: "no command"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tt.text)
			if tt.err != "" {
				if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.err) || len(err.Error()) > 300 {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Whatever is written, a command is one of the list, within its bounds.
func TestParseAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, err := Parse(rapid.String().Draw(t, "text"))
		if err != nil {
			return
		}
		if _, known := usageOf(c.Name); !known || len(c.Services) > maxServices || c.Extension > MaxExtension || c.Commit != "" && !commitID.MatchString(c.Commit) {
			t.Fatalf("parsed %+v", c)
		}
	})
}

func TestRefusal(t *testing.T) {
	file := &project.File{Members: []project.Member{
		{User: "vera", Role: project.RoleViewer}, {User: "dev", Role: project.RoleDeveloper}, {User: "mia", Role: project.RoleMaintainer}, {Group: "acme/web", Role: project.RoleOwner},
	}}
	tests := map[string]struct {
		command       Name
		member, login string
		want          string // part of it; empty: it is allowed
	}{
		"help of a stranger":            {Help, "", "eve", ""},
		"a maintainer approves":         {Approve, "mia", "mia", ""},
		"a developer approves":          {Approve, "dev", "dev", "takes the role maintainer, and dev is developer"},
		"a viewer approves":             {Approve, "vera", "vera", "takes the role maintainer"},
		"a stranger approves":           {Approve, "", "eve", "eve is no member"},
		"nobody approves":               {Approve, "", "", "no member"},
		"a login that was taken":        {Approve, "", "mia", "mia is no member of the project by an account that is known"},
		"the name of a group":           {Approve, "acme/web", "acme/web", "no member"},
		"somebody who is no member now": {Approve, "olga", "olga", "no member"},
		"a developer restarts":          {Restart, "dev", "dev", ""},
		"a viewer restarts":             {Restart, "vera", "vera", "takes the role developer, and vera is viewer"},
		"a developer extends":           {Extend, "dev", "dev", ""},
		"a viewer extends":              {Extend, "vera", "vera", "developer"},
		"a developer wants a preview":   {Preview, "dev", "dev", ""},
		"a stranger wants a preview":    {Preview, "", "eve", "no member"},
		"a developer reads logs":        {Logs, "dev", "dev", ""},
		"a viewer reads logs":           {Logs, "vera", "vera", "developer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Refusal(file, Command{Name: tt.command}, tt.member, tt.login)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("refused with %q, want %q", got, tt.want)
			}
		})
	}
}

// Every command says what it does, and only help is anybody's.
func TestUsages(t *testing.T) {
	for _, u := range Usages() {
		if u.Does == "" || (u.Role() == "") != (u.Name == Help) {
			t.Errorf("%s: %q takes %q", u.Name, u.Does, u.Role())
		}
	}
}
