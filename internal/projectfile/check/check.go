package check

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// checker knows what the table of rules can't say: references, cycles,
// arithmetic, and what must be unique in the whole file.
type checker struct {
	*syntax.Report
	*grammar.Grammar
	root      *syntax.Node
	file      *project.File
	secondary bool
}

// File reports what is wrong with a decoded file. A secondary
// repository's file has services only, whose stages belong to the primary file.
func File(r *syntax.Report, g *grammar.Grammar, root *syntax.Node, file *project.File, secondary bool) {
	c := checker{Report: r, Grammar: g, root: root, file: file, secondary: secondary}
	c.services()
	if secondary {
		return
	}
	c.members()
	c.stages()
	c.previews()
	c.hosts()
}

// at reports a problem at the value with a path.
func (c *checker) at(path, what, remedy string) {
	at, _ := c.root.Find(path)
	c.Beyond(at, path, what, remedy)
}

// on reports a problem at a node.
func (c *checker) on(n *syntax.Node, what, remedy string) { c.Beyond(n.At, n.Path(), what, remedy) }

func (c *checker) members() {
	list := c.root.Get("members")
	if list == nil || list.Kind != syntax.List {
		return
	}
	seen := map[string]string{}
	unclear := len(list.Items) == 0
	owner := false
	for i, m := range c.file.Members {
		path := syntax.Index("members", i)
		who := "user " + strings.ToLower(m.User)
		if m.Group != "" {
			who = "group " + strings.ToLower(m.Group)
		}
		if first, ok := seen[who]; ok && m.User+m.Group != "" {
			c.at(path, who+" stands in "+first+" already", "give each member one role")
		}
		seen[who] = path
		owner = owner || m.Role == project.RoleOwner
		unclear = unclear || m.Role == ""
	}
	if !owner && !unclear {
		c.on(list, "has no owner", "give at least one member the role owner")
	}
}

// stageNames returns the names of all stage rules.
func (c *checker) stageNames() []string {
	names := make([]string, 0, len(c.file.Stages))
	for _, s := range c.file.Stages {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// stage reports whether a stage rule exists, with a problem at a path when it
// doesn't. While a rule's own name is wrong, the answer is not known and nothing is
// reported.
func (c *checker) stage(name, path string) bool {
	names := c.stageNames()
	for _, known := range names {
		if known == name {
			return true
		}
	}
	if len(names) == len(c.file.Stages) && len(names) > 0 {
		c.at(path, `there is no stage "`+syntax.Clip(name)+`"`, syntax.Suggest(name, names))
	}
	return false
}

func (c *checker) stages() {
	seen := map[string]string{}
	for i, s := range c.file.Stages {
		path := syntax.Index("stages", i)
		if first, ok := seen[s.Name]; ok && s.Name != "" {
			c.at(path+".name", `the name "`+s.Name+`" is taken by `+first, "choose another")
		}
		seen[s.Name] = path
		c.ref(s.Branch, path+".branch")
		c.ref(s.Tag, path+".tag")
		c.promotion(s, path)
		c.pattern(s, path)
		c.quantity(s.Resources.CPU, path+".resources.cpu")
		c.quantity(s.Resources.Memory, path+".resources.memory")
		c.duration(s.TTL, path+".ttl", maxLife)
		c.freeze(s, path)
		c.sleep(s.Sleep, path+".sleep")
	}
}

// pattern checks what a rule that makes many stages can't have, and what only
// such a rule can.
func (c *checker) pattern(s project.Stage, path string) {
	if s.Pattern() && len(s.Hosts) > 0 {
		c.at(path+".hosts", "the stages of a pattern rule can't share host names", "remove hosts; each stage gets its own below the cluster's domain")
	}
	if !s.Pattern() && s.TTL != "" && s.Branch+s.Tag != "" {
		c.at(path+".ttl", "only stages of a pattern rule can expire", "remove ttl, or use a pattern like feature/*")
	}
}

// promotion follows promoteFrom until it ends, fails or comes back.
func (c *checker) promotion(s project.Stage, path string) {
	if s.PromoteFrom == "" || !c.stage(s.PromoteFrom, path+".promoteFrom") {
		return
	}
	path += ".promoteFrom"
	source, _ := c.file.Stage(s.PromoteFrom)
	if source.Pattern() {
		c.at(path, `"`+source.Name+`" makes many stages, so its digests are not one set`, "promote from a stage with an exact branch")
		return
	}
	way := s.Name
	for range c.file.Stages {
		way += " → " + source.Name
		if source.Name == s.Name {
			c.at(path, "promotes in a circle: "+syntax.Clip(way), "let one of these stages be built")
			return
		}
		next, ok := c.file.Stage(source.PromoteFrom)
		if !ok {
			return
		}
		source = next
	}
}

func (c *checker) freeze(s project.Stage, path string) {
	for i, f := range s.Freeze {
		inner := fmt.Sprintf("%s.freeze[%d]", path, i)
		from, okFrom := c.instant(f.From, inner+".from")
		until, okUntil := c.instant(f.Until, inner+".until")
		if okFrom && okUntil && !until.After(from) {
			c.at(inner+".until", "the window ends before it begins", "let until be later than from")
		}
	}
}
