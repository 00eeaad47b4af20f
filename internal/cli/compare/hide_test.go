package compare

import (
	"strings"
	"testing"
)

func TestSecretsAreHidden(t *testing.T) {
	secret := func(data string) map[string][]byte {
		return map[string][]byte{"Secret/key": []byte("apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\n" + data), "ConfigMap/a": []byte("data: {a: open}\n")}
	}
	before, after := secret("data: {same: U0FNRQ==, old: T0xE}\nstringData: {plain: SHOUT}\n"), secret("data: {same: U0FNRQ==, old: TkVX, more: TU9SRQ==}\n")
	if err := HideSecrets(before, after); err != nil {
		t.Fatal(err)
	}
	both := string(before["Secret/key"]) + string(after["Secret/key"])
	for _, value := range []string{"U0FNRQ==", "T0xE", "TkVX", "TU9SRQ==", "SHOUT"} {
		if strings.Contains(both, value) {
			t.Errorf("%s is shown:\n%s", value, both)
		}
	}
	for _, words := range []string{"old: (hidden, before)", "old: (hidden, after)", "same: (hidden)\n", "more: (hidden)\n", "plain: (hidden)\n"} {
		if !strings.Contains(both, words) {
			t.Errorf("no %q in\n%s", words, both)
		}
	}
	if string(before["ConfigMap/a"]) != "data: {a: open}\n" {
		t.Errorf("a ConfigMap was changed: %s", before["ConfigMap/a"])
	}
	if err := HideSecrets(map[string][]byte{"Secret/key": []byte("a: b: CANARY")}, nil); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a damaged Secret: %v, want an error that shows nothing of it", err)
	}
}
