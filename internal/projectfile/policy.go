package projectfile

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// Under returns the document with the members, stages and previews of another one:
// the accepted file of the project. Stages keep the overlay and the sealed values
// that this document gives them, which belong to its commit like the services do.
func (doc *Document) Under(accepted *Document) *Document {
	under := &Document{File: &project.File{}, name: doc.name, homes: doc.homes, grammar: doc.grammar}
	*under.File = *doc.File
	under.File.Members, under.File.Previews = accepted.File.Members, accepted.File.Previews
	under.File.Stages = slices.Clone(accepted.File.Stages)
	for i := range under.File.Stages {
		rule := &under.File.Stages[i]
		if at := doc.stageIndex(rule.Name); at >= 0 {
			rule.Overlay, rule.Sealed = doc.File.Stages[at].Overlay, doc.File.Stages[at].Sealed
		}
	}
	under.root = doc.root.Without("members").Without("stages").Without("previews")
	under.root = &syntax.Node{Kind: syntax.Map, At: doc.root.At, Entries: slices.Clone(under.root.Entries)}
	for _, e := range accepted.root.Entries {
		switch e.Key {
		case "members", "previews":
			under.root.Entries = append(under.root.Entries, e)
		case "stages":
			e.Value = doc.stagesUnder(accepted, e.Value)
			under.root.Entries = append(under.root.Entries, e)
		}
	}
	return under
}

// stagesUnder returns the nodes of an accepted file's stages, with this document's
// content.
func (doc *Document) stagesUnder(accepted *Document, list *syntax.Node) *syntax.Node {
	stages := *list
	stages.Items = slices.Clone(list.Items)
	for i, rule := range accepted.File.Stages {
		at := doc.stageIndex(rule.Name)
		if at < 0 {
			continue
		}
		stage := stages.Items[i].Without("overlay").Without("sealed")
		for _, e := range doc.root.Get("stages").Items[at].Entries {
			if e.Key == "overlay" || e.Key == "sealed" {
				with := *stage
				with.Entries = append(slices.Clone(stage.Entries), e)
				stage = &with
			}
		}
		stages.Items[i] = stage
	}
	return &stages
}

// stageIndex returns where a stage is in the file, -1 for nowhere.
func (doc *Document) stageIndex(name string) int {
	return slices.IndexFunc(doc.File.Stages, func(s project.Stage) bool { return s.Name == name })
}

// Policy returns what a file says of members, stages and previews, to be kept
// beside its repository.
func Policy(file *project.File) (string, error) {
	kept := project.File{Version: file.Version, Project: file.Project, Members: file.Members, Stages: slices.Clone(file.Stages), Previews: file.Previews}
	for i := range kept.Stages {
		kept.Stages[i].Overlay, kept.Stages[i].Sealed = "", nil
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return "", fmt.Errorf("encode the policy of project %s: %w", file.Project, err)
	}
	return string(text), nil
}

// ReadPolicy returns the document of a policy that was kept, without services and
// without places.
func ReadPolicy(name, policy string) (*Document, error) {
	doc := &Document{File: &project.File{}, name: name, root: &syntax.Node{Kind: syntax.Map}, grammar: grammar.New()}
	if err := json.Unmarshal([]byte(policy), doc.File); err != nil {
		return nil, fmt.Errorf("decode the policy that was kept: %w", err)
	}
	return doc, nil
}
