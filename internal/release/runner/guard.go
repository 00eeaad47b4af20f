package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/release"
)

// origins returns the files that objects come from, by Kind/name.
type origins func(context.Context) (map[string]string, error)

// guard refuses manifests with objects that a stage may not have. The services
// are those that the manifests were made for.
func (r *run) guard(ctx context.Context, manifests []byte, services []string) error {
	if err := release.CheckNodes(r.Inputs); err != nil {
		return err
	}
	policy := r.Policy(r.Inputs)
	policy.Given = release.GivenHosts(services, r.Place())
	findings, err := guard.Check(manifests, policy)
	if err != nil {
		return err
	}
	return r.refusal(ctx, findings)
}

// claim takes the hosts of manifests for the stage before they are applied. That
// includes manifests that an earlier run kept, because another project may have
// taken a host meanwhile.
func (r *run) claim(ctx context.Context, manifests []byte) error {
	taken, err := r.taken(ctx, manifests)
	if err != nil || len(taken) == 0 {
		return err
	}
	findings, err := guard.Check(manifests, guard.Policy{Taken: taken})
	if err != nil {
		return err
	}
	return r.refusal(ctx, slices.DeleteFunc(findings, func(f guard.Finding) bool { return f.Rule != guard.RuleHostOwner }))
}

// taken claims the hosts of manifests and returns those that other projects
// have.
func (r *run) taken(ctx context.Context, manifests []byte) ([]string, error) {
	hosts, err := guard.Hosts(manifests)
	if err != nil {
		return nil, err
	}
	return attempt(ctx, r, func(ctx context.Context) ([]string, error) { return r.Claims.Claim(ctx, hosts) })
}

// refusal returns findings as the failure of the release, each with the file that
// it comes from where that is known.
func (r *run) refusal(ctx context.Context, findings []guard.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	if r.origins != nil {
		files, err := r.origins(ctx)
		if err != nil {
			r.Log.Warn("find the files of refused objects", "release", r.Release.Name, "error", err)
		}
		findings = guard.Locate(findings, files)
	}
	var lines []string
	for _, f := range findings[:min(len(findings), maxFindings)] {
		lines = append(lines, f.String())
	}
	if more := len(findings) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return &release.Failure{Cause: "Refused", Message: strings.Join(lines, "\n")}
}
