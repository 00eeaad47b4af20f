//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// TestCommands runs the command line against the story's project.
func TestCommands(t *testing.T) {
	tm := newTeam(t, "cli")
	files := storyFiles()
	files["slipway.yaml"] = strings.Replace(storyFile, "project: story", "project: cli", 1)
	commit := tm.push(t, "alice", "main", files, "First")
	release := tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
	tests := map[string]struct {
		args []string
		want []string
	}{
		"status":      {[]string{"status", "cli"}, []string{"production", "Succeeded", commit[:8], "web", "1/1", "http://" + tm.host("web", "production")}},
		"status json": {[]string{"status", "cli", "-o", "json"}, []string{`"service": "web"`, `"ready": "1/1"`}},
		"projects":    {[]string{"get", "projects"}, []string{"cli", "here", "True"}},
		"stages":      {[]string{"get", "stages", "--project", "cli", "-o", "yaml"}, []string{"ref: refs/heads/main", "phase: Succeeded"}},
		"releases":    {[]string{"get", "releases", "--project", "cli"}, []string{release.Name, "2 built"}},
		"deliveries":  {[]string{"get", "deliveries", "--project", "cli"}, []string{"push", "alice", "Done"}},
		"logs":        {[]string{"logs", "--build", release.Name, "--service", "web"}, []string{"RUN echo built > /www/built.txt", "pushed "}},
		"version":     {[]string{"version"}, []string{"demo"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := tm.CLI(t.Context(), tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("slipway %s: no %q in\n%s", strings.Join(tt.args, " "), want, out)
				}
			}
		})
	}
}
