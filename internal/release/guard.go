package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/guard"
)

// guard refuses manifests that hold what a stage may not have, hosts of other
// projects among it. What it lets through, the stage has claimed the hosts of.
// The services are those that the manifests were made for; files tells where
// objects come from, nil where nobody knows.
func (r *run) guard(ctx context.Context, manifests []byte, services []string, files origins) error {
	policy := r.Policy(r.Order)
	policy.Given = Given(services, r.place())
	findings, err := guard.Check(manifests, policy)
	if err != nil {
		return err
	}
	if len(findings) == 0 {
		if policy.Taken, err = r.taken(ctx, manifests); err != nil || len(policy.Taken) == 0 {
			return err
		}
		if findings, err = guard.Check(manifests, policy); err != nil {
			return err
		}
	}
	if files == nil {
		return refusal(findings)
	}
	places, err := files(ctx)
	if err != nil {
		r.Log.Warn("name the files of what is refused", "release", r.Release.Name, "error", err)
	}
	return refusal(guard.Locate(findings, places))
}

// origins returns the files that objects come from, by Kind/name.
type origins func(context.Context) (map[string]string, error)

// claim makes sure, before manifests that were kept are applied, that their
// hosts are still the project's: another may have taken one meanwhile.
func (r *run) claim(ctx context.Context, manifests []byte) error {
	taken, err := r.taken(ctx, manifests)
	if err != nil || len(taken) == 0 {
		return err
	}
	findings, err := guard.Check(manifests, guard.Policy{Taken: taken})
	if err != nil {
		return err
	}
	return refusal(slices.DeleteFunc(findings, func(f guard.Finding) bool { return f.Rule != guard.RuleHostOwner }))
}

// taken claims the hosts of manifests and returns those that others have.
func (r *run) taken(ctx context.Context, manifests []byte) ([]string, error) {
	hosts, err := guard.Hosts(manifests)
	if err != nil {
		return nil, err
	}
	return attempt(ctx, r, func(ctx context.Context) ([]string, error) { return r.Claims.Claim(ctx, hosts) })
}

// refusal is the end of a release with findings.
func refusal(findings []guard.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	var lines []string
	for _, f := range findings[:min(len(findings), maxFindings)] {
		lines = append(lines, f.String())
	}
	if more := len(findings) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return &Failure{Cause: "Refused", Message: strings.Join(lines, "\n")}
}
