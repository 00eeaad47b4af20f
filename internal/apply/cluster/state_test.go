package cluster

import (
	"testing"
)

func TestOwnedFieldsLeaveReplicasOut(t *testing.T) {
	with := `{"f:metadata":{},"f:spec":{"f:replicas":{},"f:selector":{}}}`
	without := `{"f:metadata":{},"f:spec":{"f:selector":{}}}`
	a, owned := ownedFields([]byte(with), true)
	b, _ := ownedFields([]byte(without), true)
	if a != b || !owned {
		t.Errorf("replicas are not left out: %s %s %t", a, b, owned)
	}
	c, _ := ownedFields([]byte(with), false)
	if c == b {
		t.Error("a kind without replicas ignores a field")
	}
	for _, raw := range []string{`{"f:spec":{"f:a":{},"f:replicas":{}}}`, `{"f:spec":{"f:a":{}}}`} {
		if got, _ := ownedFields([]byte(raw), true); got != mustFields(`{"f:spec":{"f:a":{}}}`) {
			t.Errorf("%s has other fields", raw)
		}
	}
}

func mustFields(raw string) string {
	fields, _ := ownedFields([]byte(raw), true)
	return fields
}
