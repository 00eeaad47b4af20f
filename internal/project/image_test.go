package project

import "testing"

func TestUserID(t *testing.T) {
	for user, want := range map[string]int64{
		"": 0, "root": 0, "0": 0, "0:0": 0, "999": 999, "999:1000": 999, "999:postgres": 999, "1000x": 0, "node": 0, ":5": 0, "-1": 0, "+7": 0, "99999999999999": 0, "007": 7,
	} {
		if got := (ImageConfig{User: user}).UserID(); got != want {
			t.Errorf("user %q has the number %d, want %d", user, got, want)
		}
	}
}
