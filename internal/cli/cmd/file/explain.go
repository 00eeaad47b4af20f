package file

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// explainer is what the explain commands share.
type explainer struct {
	offline.Repository
	offline.Target
	format string
	stage  string
	ref    string
}

// NewExplain returns the command explain.
func NewExplain(streams stream.Streams) *cobra.Command {
	e := &explainer{Repository: offline.Repository{Streams: streams}}
	command := &cobra.Command{
		Use:     "explain",
		Short:   "Tell what a ref feeds, and where a stage's values come from",
		GroupID: "repository",
	}
	command.AddCommand(e.refCommand(), e.envCommand(), e.stageCommand())
	return command
}

func (e *explainer) refCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "ref REF",
		Short: "Tell which stages a branch or tag feeds, with their namespaces and hosts",
		Example: `  slipway explain ref main
  slipway explain ref refs/tags/v1.2.0 --organization acme --domain apps.example.com`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return e.explainRef(args[0]) },
	}
	e.Repository.Flags(command)
	e.Target.Flags(command)
	output.AddFlag(command, &e.format)
	return command
}

func (e *explainer) envCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "env SERVICE --stage STAGE",
		Short:   "Tell a service's environment in a stage, each value with its origin",
		Example: "  slipway explain env web --stage production",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.explainEnv(args[0]) },
	}
	e.Repository.Flags(command)
	e.Own.Flags(command)
	command.Flags().StringVarP(&e.stage, "stage", "s", "", "the stage, as slipway.yaml names it")
	output.AddFlag(command, &e.format)
	return command
}

func (e *explainer) stageCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "stage STAGE",
		Short:   "Tell every value of a stage and its services, each with its origin",
		Example: "  slipway explain stage production",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.explainStage(args[0]) },
	}
	e.Repository.Flags(command)
	e.Target.Flags(command)
	command.Flags().StringVar(&e.ref, "ref", "", "the branch, for a stage that is made once per branch")
	output.AddFlag(command, &e.format)
	return command
}

// fed is a stage that a ref feeds.
type fed struct {
	Ref       string              `json:"ref"`
	Rule      string              `json:"rule"`
	Stage     string              `json:"stage"`
	Namespace string              `json:"namespace"`
	Protected bool                `json:"protected"`
	Hosts     map[string][]string `json:"hosts,omitempty"`
	// Waits says what a push waits for.
	Waits []string `json:"waits,omitempty"`
}

// refAnswer is what a ref leads to.
type refAnswer struct {
	Refs   []string `json:"refs"`
	Stages []fed    `json:"stages"`
	// Previews is true when pull requests against the branch get previews.
	Previews bool `json:"previews"`
}

// explainRef says what a ref feeds. A short name may be a branch or a tag.
func (e *explainer) explainRef(ref string) error {
	opened, err := e.openSite()
	if err != nil {
		return err
	}
	answer := refAnswer{Refs: []string{ref}, Stages: []fed{}}
	if !strings.HasPrefix(ref, "refs/") {
		answer.Refs = []string{"refs/heads/" + ref, "refs/tags/" + ref}
	}
	file := opened.Document.File
	for _, full := range answer.Refs {
		for _, match := range project.StageFor(file, full) {
			stage, err := e.fed(opened.Document, match, full)
			if err != nil {
				return err
			}
			answer.Stages = append(answer.Stages, stage)
		}
		if branch, found := strings.CutPrefix(full, "refs/heads/"); found {
			answer.Previews = file.Previews.Accepts(branch)
		}
	}
	return output.New(e.Streams, e.format).Print(answer, func(t *output.Table) { answer.text(t, file) })
}

func (e *explainer) fed(doc *projectfile.Document, match project.Match, ref string) (fed, error) {
	name := match.Rule.Name
	if match.PerRef {
		name = naming.StageForRef(name, ref)
	}
	services, _, err := release.Services(doc, match.Rule.Name, false, e.Templates)
	if err != nil {
		return fed{}, err
	}
	at := e.Place(doc.File.Project, name)
	return fed{
		Ref: ref, Rule: match.Rule.Name, Stage: name, Namespace: at.Namespace, Protected: match.Rule.Protected,
		Hosts: release.Hosts(match.Rule, services, at), Waits: offline.Gates(doc, match.Rule),
	}, nil
}

func (a refAnswer) text(t *output.Table, file *project.File) {
	if len(a.Stages) == 0 {
		t.Row(strings.Join(a.Refs, " and ") + " feed no stage")
		for _, s := range file.Stages {
			t.Row("stage " + s.Name + " takes " + offline.Feeds(s))
		}
	} else {
		t.Head("REF", "STAGE", "NAMESPACE", "HOSTS", "PROTECTED")
	}
	for _, s := range a.Stages {
		var hosts []string
		for _, service := range slices.Sorted(maps.Keys(s.Hosts)) {
			hosts = append(hosts, service+"="+strings.Join(s.Hosts[service], ","))
		}
		t.Row(s.Ref, s.Stage, s.Namespace, output.Dash(strings.Join(hosts, " ")), output.YesNo(s.Protected))
	}
	for _, s := range a.Stages {
		for _, gate := range s.Waits {
			t.Row("stage " + s.Stage + ": " + gate)
		}
	}
	if a.Previews {
		t.Row("pull requests against it get previews, made like stage " + file.Previews.From)
	}
}

// explainEnv prints a service's environment.
func (e *explainer) explainEnv(service string) error {
	opened, err := e.openSite()
	if err != nil {
		return err
	}
	doc := opened.Document
	if e.stage == "" {
		return exit.WrongUsage(fmt.Errorf("say in which stage, with --stage; %s", offline.StageNames(doc.File)))
	}
	rule, err := offline.FindRule(doc.File, e.stage)
	if err != nil {
		return err
	}
	services := doc.Effective(rule.Name)
	s, found := services[service]
	if !found {
		return fault.New(fault.NotFound, "there is no service %.60q; there are %s", service, strings.Join(doc.File.ServiceNames(), ", "))
	}
	values := doc.ExplainService(rule.Name, service, "env")
	values = slices.DeleteFunc(values, func(v projectfile.Value) bool { return v.Path == "services."+service+".env" }) // an empty map
	fromTemplate, err := e.templateEnv(services, service)
	if err != nil {
		return err
	}
	for _, v := range fromTemplate {
		if _, own := s.Env[strings.TrimPrefix(v.Path, "services."+service+".env.")]; !own {
			values = append(values, v)
		}
	}
	for _, v := range doc.ExplainService(rule.Name, service, "secrets") {
		if names, ok := v.Value.([]any); ok && len(names) > 0 {
			values = append(values, v)
		}
	}
	return e.print(values)
}

// templateEnv returns the environment that a template gives its service.
func (e *explainer) templateEnv(services map[string]project.Service, service string) ([]projectfile.Value, error) {
	s := services[service]
	if s.Source() != project.SourceTemplate {
		return nil, nil
	}
	expanded, secrets, err := render.ExpandTemplates(map[string]project.Service{service: s}, e.Templates)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for _, secret := range secrets {
		for key := range secret.Values {
			env[key] = "a key of the Secret " + secret.Name
		}
	}
	maps.Copy(env, expanded[service].Env)
	var values []projectfile.Value
	for _, name := range slices.Sorted(maps.Keys(env)) {
		values = append(values, projectfile.Value{Path: "services." + service + ".env." + name, Value: env[name], Origin: "template " + s.Template})
	}
	return values, nil
}

// explainStage prints everything that a stage consists of.
func (e *explainer) explainStage(stage string) error {
	opened, err := e.openSite()
	if err != nil {
		return err
	}
	doc := opened.Document
	target, err := offline.Choose(doc.File, stage, e.ref)
	if err != nil {
		return err
	}
	at := e.Place(doc.File.Project, target.Name)
	values := []projectfile.Value{
		{Path: "stage", Value: at.Stage, Origin: "name"},
		{Path: "namespace", Value: at.Namespace, Origin: "organization " + e.Organization + ", project, stage"},
	}
	services, _, err := release.Services(doc, stage, false, e.Templates)
	if err != nil {
		return err
	}
	hosts := release.Hosts(target.Rule, services, at)
	for _, service := range slices.Sorted(maps.Keys(hosts)) {
		origin := "domain " + e.Cluster.Ingress.Domain
		if target.Rule.Hosts[service] != "" {
			origin = offline.WhereStage(doc, stage, "hosts."+service)
		}
		values = append(values, projectfile.Value{Path: "host of " + service, Value: strings.Join(hosts[service], ", "), Origin: origin})
	}
	values = append(values, doc.ExplainStage(stage)...)
	return e.print(append(values, doc.Explain(stage)...))
}

func (e *explainer) openSite() (offline.Snapshot, error) {
	if err := e.Load(); err != nil {
		return offline.Snapshot{}, err
	}
	return e.Open()
}

func (e *explainer) print(values []projectfile.Value) error {
	if values == nil {
		values = []projectfile.Value{}
	}
	return output.New(e.Streams, e.format).Print(values, func(t *output.Table) {
		t.Head("PATH", "VALUE", "ORIGIN")
		for _, v := range values {
			text, err := json.Marshal(v.Value)
			if err != nil {
				text = []byte(err.Error())
			}
			t.Row(v.Path, string(text), v.Origin)
		}
	})
}
