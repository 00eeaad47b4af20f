package contain_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/render/contain"
)

// anyOf draws one of several pieces of JSON, and nothing as often.
func anyOf(t *rapid.T, name string, pieces ...string) string {
	if rapid.Bool().Draw(t, name+" left out") {
		return ""
	}
	return fmt.Sprintf("%q: %s,", name, rapid.SampledFrom(pieces).Draw(t, name))
}

func trim(fields string) string {
	if fields == "" {
		return "{}"
	}
	return "{" + fields[:len(fields)-1] + "}"
}

func drawContainer(t *rapid.T) string {
	capabilities := trim(anyOf(t, "add", "null", "[]", `["CHOWN"]`, `["SYS_ADMIN", "KILL"]`, `"ALL"`) + anyOf(t, "drop", "null", "[]", `["ALL"]`, `["NET_RAW"]`))
	context := trim(anyOf(t, "allowPrivilegeEscalation", "null", "true", "false") + anyOf(t, "capabilities", "null", "5", capabilities) +
		anyOf(t, "runAsUser", "0", "7") + anyOf(t, "seccompProfile", "null", `{"type": "Unconfined"}`))
	return trim(`"name": "a",` + anyOf(t, "securityContext", "null", "[]", context))
}

func drawPod(t *rapid.T) string {
	context := trim(anyOf(t, "seccompProfile", "null", `{"type": "Localhost"}`, `{}`) + anyOf(t, "fsGroup", "5") + anyOf(t, "runAsNonRoot", "true", "null"))
	return trim(anyOf(t, "hostUsers", "null", "true", "false") + anyOf(t, "automountServiceAccountToken", "null", "true", "false") +
		anyOf(t, "securityContext", "null", `"a"`, context) + anyOf(t, "hostNetwork", "true") +
		anyOf(t, "initContainers", "null", "[]", "["+drawContainer(t)+"]") +
		`"containers": [` + drawContainer(t) + ", " + drawContainer(t) + "],")
}

// Nothing that a pod says is changed, and completing twice changes nothing.
func TestWhatIsThereStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := `{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 3, "template": {"spec": ` + drawPod(t) + `}}}`
		policy := contain.Policy{
			PodSecurity:   rapid.SampledFrom([]v1alpha1.PodSecurity{"", "contained", "restricted", "baseline"}).Draw(t, "level"),
			ServiceTokens: rapid.Bool().Draw(t, "tokens"),
		}
		var before, after map[string]any
		for _, into := range []*map[string]any{&before, &after} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
		}
		policy.Complete(after)
		if where := lost(before, after); where != "" {
			t.Fatalf("%s is not as it was:\n%v\n%v", where, before, after)
		}
		if again := policy.Missing(after); len(again) > 0 {
			t.Fatalf("still missing: %v", again)
		}
	})
}

// lost returns where the later value lacks what the earlier one says; null and
// empty lists say nothing.
func lost(before, after any) string {
	switch before := before.(type) {
	case nil:
		return ""
	case map[string]any:
		after, isMap := after.(map[string]any)
		if !isMap {
			return "."
		}
		for name, value := range before {
			if where := lost(value, after[name]); where != "" {
				return "." + name + where
			}
		}
		return ""
	case []any:
		if len(before) == 0 {
			return ""
		}
		after, isList := after.([]any)
		if !isList || len(after) != len(before) {
			return "[]"
		}
		for i := range before {
			if where := lost(before[i], after[i]); where != "" {
				return fmt.Sprintf("[%d]%s", i, where)
			}
		}
		return ""
	}
	if before != after {
		return "="
	}
	return ""
}
