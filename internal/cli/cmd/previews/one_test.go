package previews

import "testing"

func TestNumberOf(t *testing.T) {
	for text, want := range map[string]int64{"7": 7, "#7": 7, "pr-7": 7, "0": 0, "-7": 0, "pr--7": 0, "seven": 0, "": 0, "7x": 0, "99999999999999999999": 0} {
		if got, err := numberOf(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
}
