package command

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// Name is what a command is called.
type Name string

// The commands.
const (
	Help    Name = "help"
	Approve Name = "approve"
	Preview Name = "preview"
	Restart Name = "restart"
	Sleep   Name = "sleep"
	Wake    Name = "wake"
	Extend  Name = "extend"
	Logs    Name = "logs"
)

// Command is what a comment asks for.
type Command struct {
	Name Name
	// Commit is the full id of the commit that is approved; empty for the project file
	// that is held.
	Commit string
	// Services are those that restart; none means all.
	Services []string
	// Extension is by how much a preview lives longer.
	Extension time.Duration
}

// Usage says how a command is written, what it does, and whom it takes.
type Usage struct {
	Name       Name
	Arguments  string
	Does       string
	Action     project.Action // empty: anybody's
	parse      func(c *Command, arguments []string) error
	atMostArgs int
}

// Usages returns the commands in the order in which people are shown them.
func Usages() []Usage {
	return []Usage{
		{Name: Approve, Arguments: "[COMMIT]", Does: "lets exactly this commit of a fork run in a preview, or accepts the held slipway.yaml", Action: project.ActionApprove, parse: (*Command).parseCommit, atMostArgs: 1},
		{Name: Preview, Does: "makes a preview of a pull request that gets none by itself: of a draft, a bot, without a label, expired", Action: project.ActionDeploy},
		{Name: Restart, Arguments: "[SERVICE…]", Does: "starts services of the preview anew", Action: project.ActionRestart, parse: (*Command).parseServices, atMostArgs: maxServices},
		{Name: Sleep, Does: "takes the preview's pods away until somebody visits or wakes it", Action: project.ActionSleep},
		{Name: Wake, Does: "gives the preview its pods again", Action: project.ActionSleep},
		{Name: Extend, Arguments: "3d", Does: "lets the preview live at least that long from now, 30 days at most", Action: project.ActionDeploy, parse: (*Command).parseDuration, atMostArgs: 1},
		{Name: Logs, Does: "shows how the preview's newest release ended, with the last lines of what failed", Action: project.ActionDeploy},
		{Name: Help, Does: "shows this list"},
	}
}

// maxServices is how many services a command names.
const maxServices = 20

// Role returns the least role that a command takes; empty for none.
func (u Usage) Role() project.Role {
	for _, role := range []project.Role{project.RoleViewer, project.RoleDeveloper, project.RoleMaintainer, project.RoleOwner} {
		if u.Action != "" && role.May(u.Action, false) {
			return role
		}
	}
	return ""
}

// usageOf returns the usage of a command by its name.
func usageOf(name Name) (Usage, bool) {
	all := Usages()
	at := slices.IndexFunc(all, func(u Usage) bool { return u.Name == name })
	if at < 0 {
		return Usage{}, false
	}
	return all[at], true
}

// Parse reads a command as it stands behind the prefix. No text at all asks for help.
// Its errors have the code invalid and are fit for people.
func Parse(text string) (Command, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return Command{Name: Help}, nil
	}
	c := Command{Name: Name(words[0])}
	usage, known := usageOf(c.Name)
	switch arguments := words[1:]; {
	case !known:
		return Command{}, fault.New(fault.Invalid, "there is no command %.40q", words[0])
	case len(arguments) > usage.atMostArgs:
		return Command{}, fault.New(fault.Invalid, "%s takes no %.40q; write it as `/slipway %s`", c.Name, arguments[usage.atMostArgs], strings.TrimSpace(words[0]+" "+usage.Arguments))
	case usage.parse == nil:
		return c, nil
	default:
		return c, usage.parse(&c, arguments)
	}
}

// commitID is a full commit id. Beginnings of one can be forged.
var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func (c *Command) parseCommit(arguments []string) error {
	if len(arguments) == 0 {
		return nil
	}
	if c.Commit = strings.ToLower(arguments[0]); !commitID.MatchString(c.Commit) {
		return fault.New(fault.Invalid, "%.70q is no full commit id; give all 40 digits of the commit that you looked at, since the first few can be forged", arguments[0])
	}
	return nil
}

// serviceName is what a service can be called.
var serviceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,62})$`)

func (c *Command) parseServices(arguments []string) error {
	for _, name := range arguments {
		if !serviceName.MatchString(name) {
			return fault.New(fault.Invalid, "%.40q is no name of a service", name)
		}
	}
	c.Services = slices.Compact(slices.Sorted(slices.Values(arguments)))
	return nil
}

// The bounds of an extension.
const (
	MinExtension = time.Hour
	MaxExtension = 30 * 24 * time.Hour
)

func (c *Command) parseDuration(arguments []string) error {
	if len(arguments) == 0 {
		return fault.New(fault.Invalid, "say by how long, such as `/slipway extend 3d`")
	}
	var err error
	c.Extension, err = ParseExtension(arguments[0])
	return err
}

// ParseExtension reads by how much a preview lives longer: 3d, or a Go duration.
func ParseExtension(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if days, is := strings.CutSuffix(text, "d"); is {
		var n int
		n, err = strconv.Atoi(days)
		duration = time.Duration(min(n, 1000)) * 24 * time.Hour
	}
	if err != nil {
		return 0, fault.New(fault.Invalid, "%.40q is no duration; write it like 3d or 12h", text)
	}
	if duration < MinExtension || duration > MaxExtension {
		return 0, fault.New(fault.Invalid, "%.40q is not between 1h and 30d", text)
	}
	return duration, nil
}

// MaxAge is how old a comment may be when it arrives.
const MaxAge = time.Hour

// IsLate reports whether a comment was written too long before it arrived: whoever
// wrote it may not mean it any more, or it arrives a second time. Zero is unknown.
func IsLate(written, received time.Time) bool {
	return !written.IsZero() && received.Sub(written) > MaxAge
}

// Refusal says why somebody may not give a command, by the project file in force; empty
// when they may. An empty member is nobody; the login is what the forge says.
func Refusal(file *project.File, c Command, member, login string) string {
	usage, _ := usageOf(c.Name)
	role := project.Role("")
	if member != "" {
		role = file.RoleOf(project.Actor{Login: member})
	}
	switch {
	case usage.Action == "" || role.May(usage.Action, false):
		return ""
	case role == "":
		return login + " is no member of the project by an account that is known, and only members give commands"
	}
	return "that takes the role " + string(usage.Role()) + ", and " + login + " is " + string(role)
}
