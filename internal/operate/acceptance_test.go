package operate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/operate"
)

func projectOf(organization, name string, status v1alpha1.ProjectStatus) *v1alpha1.Project {
	return &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-" + organization, Name: name, UID: "uid-of-" + "shop"}, Status: status}
}

// heldShop is a project with a held file and a login that changed hands.
func heldShop() *v1alpha1.Project {
	return projectOf("acme", "shop", v1alpha1.ProjectStatus{
		Held:     &v1alpha1.HeldFile{Commit: strings.Repeat("b", 40), ID: strings.Repeat("1", 40), Authors: []string{"mallory"}, Changes: []string{"eve becomes owner"}},
		Previews: []v1alpha1.Preview{{PullRequest: 7, State: v1alpha1.PreviewHeld, Commit: strings.Repeat("c", 40)}, {PullRequest: 8, State: v1alpha1.PreviewLive, Commit: strings.Repeat("d", 40)}},
		Identities: []v1alpha1.Identity{
			{Login: "alice", Forge: "git.example", ID: "42", Claimed: "77", Since: metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
			{Login: "bob", Forge: "git.example", ID: "7", Since: metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		},
	})
}

func TestFindProject(t *testing.T) {
	projects := operate.Projects{Client: kubefake.New(t, heldShop(), projectOf("beta", "shop", v1alpha1.ProjectStatus{}), projectOf("beta", "api", v1alpha1.ProjectStatus{}))}
	if found, err := projects.Find(t.Context(), "slipway-org-acme", "shop"); err != nil || found.Status.Held == nil {
		t.Errorf("found %+v: %v", found, err)
	}
	if found, err := projects.Find(t.Context(), "", "api"); err != nil || found.Namespace != "slipway-org-beta" {
		t.Errorf("found %+v: %v", found, err)
	}
	if _, err := projects.Find(t.Context(), "", "shop"); !errors.Is(err, operate.ErrAmbiguous) {
		t.Errorf("two organizations have it: %v", err)
	}
	if _, err := projects.Find(t.Context(), "", "shp"); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "there are api, shop") {
		t.Errorf("nobody has it: %v", err)
	}
	if _, err := projects.Find(t.Context(), "slipway-org-none", "shop"); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "is the organization right?") {
		t.Errorf("there is nothing: %v", err)
	}
}

// Exactly what is shown is accepted, in the name of who asks.
func TestAccept(t *testing.T) {
	shop := heldShop()
	who := operate.Actor{Name: "alice", Reason: "she leads the team"}
	tests := map[string]struct {
		ask  func(operate.Projects) (*v1alpha1.Acceptance, error)
		want v1alpha1.AcceptanceSpec
		code fault.Code
		says string
	}{
		"the file": {ask: func(p operate.Projects) (*v1alpha1.Acceptance, error) { return p.Accept(t.Context(), who, shop) },
			want: v1alpha1.AcceptanceSpec{Project: "shop", File: strings.Repeat("1", 40), By: "alice", Reason: "she leads the team"}},
		"nothing is held": {ask: func(p operate.Projects) (*v1alpha1.Acceptance, error) {
			return p.Accept(t.Context(), who, projectOf("acme", "shop", v1alpha1.ProjectStatus{}))
		}, code: fault.Conflict, says: "`slipway approve shop STAGE`"},
		"an account": {ask: func(p operate.Projects) (*v1alpha1.Acceptance, error) {
			return p.AcceptIdentity(t.Context(), who, shop, "ALICE")
		}, want: v1alpha1.AcceptanceSpec{Project: "shop", Identity: &v1alpha1.AcceptedIdentity{Login: "alice", ID: "77"}, By: "alice", Reason: "she leads the team"}},
		"a commit of a fork": {ask: func(p operate.Projects) (*v1alpha1.Acceptance, error) {
			return p.AcceptPreview(t.Context(), who, shop, 7)
		}, want: v1alpha1.AcceptanceSpec{Project: "shop", Preview: &v1alpha1.AcceptedPreview{PullRequest: 7, Commit: strings.Repeat("c", 40)}, By: "alice", Reason: "she leads the team"}},
		"a preview that waits for nobody": {ask: func(p operate.Projects) (*v1alpha1.Acceptance, error) {
			return p.AcceptPreview(t.Context(), who, shop, 8)
		}, code: fault.Conflict, says: "no commit of pull request 8 of project shop waits"},
		"no other account": {ask: func(p operate.Projects) (*v1alpha1.Acceptance, error) {
			return p.AcceptIdentity(t.Context(), who, shop, "bob")
		}, code: fault.Conflict, says: `no other account came with the login "bob"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := kubefake.New(t, shop.DeepCopy())
			asked, err := tt.ask(operate.Projects{Client: c})
			if tt.code != "" {
				if fault.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, asked.Spec); diff != "" || len(asked.OwnerReferences) != 1 || asked.OwnerReferences[0].UID != shop.UID {
				t.Errorf("asked is %+v (-want +got):\n%s", asked.ObjectMeta, diff)
			}
		})
	}
}

// Whoever waits learns what was decided, that it is gone, or that nobody decides.
func TestAwaitAcceptance(t *testing.T) {
	made := func(phase v1alpha1.AcceptancePhase) *v1alpha1.Acceptance {
		return &v1alpha1.Acceptance{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop-1"}, Spec: v1alpha1.AcceptanceSpec{Project: "shop"}, Status: v1alpha1.AcceptanceStatus{Phase: phase}}
	}
	c := kubefake.New(t, made(v1alpha1.AcceptanceRefused))
	if now, err := (operate.Projects{Client: c}).AwaitAcceptance(t.Context(), made(""), func() {}); err != nil || now.Status.Phase != v1alpha1.AcceptanceRefused {
		t.Errorf("got %+v, %v", now, err)
	}
	if err := c.Delete(t.Context(), made(""), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := (operate.Projects{Client: c}).AwaitAcceptance(t.Context(), made(""), func() {}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("it is gone, and %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := (operate.Projects{Client: kubefake.New(t, made(""))}).AwaitAcceptance(stopped, made(""), func() {}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("nobody decides, and %v", err)
	}
}

func TestTexts(t *testing.T) {
	shop := heldShop()
	want := []string{"slipway.yaml of commit bbbbbbbb (pushed by mallory) changes:", "  eve becomes owner"}
	if diff := cmp.Diff(want, operate.HeldText(shop.Status.Held)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	shop.Status.Held.Unknown = true
	if got := operate.HeldText(shop.Status.Held)[0]; got != "slipway.yaml of commit bbbbbbbb (nobody knows who pushed all of it) changes:" {
		t.Errorf("got %q", got)
	}
	for login, want := range map[string]string{
		"Bob":   "bob is account 7 at git.example, since 2026-01-02 03:04 UTC",
		"alice": "alice is account 42 at git.example, since 2026-01-02 03:04 UTC; account 77 came with the login since, and is nobody until an owner accepts it: `slipway approve shop --identity alice`",
		"carl":  "no account at the forge was seen as carl yet",
	} {
		if got := operate.IdentityText(shop, login); got != want {
			t.Errorf("%s: %q", login, got)
		}
	}
}
