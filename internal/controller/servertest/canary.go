package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// canaries are what must never be seen outside Secrets and the wire: the
// secrets of every test, and what only the bodies of deliveries hold.
func canaries() []string {
	return []string{WebhookSecret, ForgeToken, forgetest.Canary}
}

// canaryLog looks for canaries in everything that servers print.
type canaryLog struct {
	mu    sync.Mutex
	rest  string // of the last line
	found []string
}

// Write implements io.Writer.
func (l *canaryLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(l.rest+string(p), "\n")
	l.rest = lines[len(lines)-1]
	for _, line := range lines {
		l.look("a line of a log", line)
	}
	return len(p), nil
}

// look notes which canaries a text holds; the caller holds the lock, or is
// alone.
func (l *canaryLog) look(where, text string) {
	for i, canary := range canaries() {
		if strings.Contains(text, canary) && len(l.found) < 20 {
			hidden := strings.ReplaceAll(text, canary, "CANARY")
			l.found = append(l.found, fmt.Sprintf("canary %d is in %s: %.300s", i, where, hidden))
		}
	}
}

// leaks returns where canaries were found: in logs, in any object that isn't a
// Secret, and in what was written to the forge.
func (e *Environment) leaks(ctx context.Context) ([]string, error) {
	e.canaries.mu.Lock()
	defer e.canaries.mu.Unlock()
	lists := []client.ObjectList{
		&v1alpha1.OrganizationList{}, &v1alpha1.ClusterList{}, &v1alpha1.ProjectList{}, &v1alpha1.StageList{}, &v1alpha1.ReleaseList{},
		&v1alpha1.DeliveryList{}, &corev1.EventList{}, &corev1.ConfigMapList{}, &corev1.PodList{}, &batchv1.JobList{},
	}
	for _, list := range lists {
		if err := e.Client.List(ctx, list); err != nil {
			return nil, fmt.Errorf("look for canaries: %w", err)
		}
		data, err := json.Marshal(list)
		if err != nil {
			return nil, fmt.Errorf("look for canaries in %T: %w", list, err)
		}
		e.canaries.look(fmt.Sprintf("a %T", list), around(string(data)))
	}
	for _, request := range e.Forge.Requests() {
		e.canaries.look("a request to the forge", request.Method+" "+request.Path+"?"+request.Query+" "+string(request.Body))
	}
	return e.canaries.found, nil
}

// around returns a text from a little before its first canary on.
func around(text string) string {
	for _, canary := range canaries() {
		if at := strings.Index(text, canary); at >= 0 {
			return text[max(0, at-150):min(len(text), at+150)]
		}
	}
	return ""
}
