package operate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// member is a client that may only see some namespaces, as a RoleBinding in
// each would let it; organizations says whether it may list Organizations.
type member struct {
	organizations bool
	namespaces    map[string]bool
	broken        error // what every list ends with
}

func (m member) client(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	denied := func(resource, namespace string) error {
		return apierrors.NewForbidden(schema.GroupResource{Group: "slipway.dev", Resource: resource}, "", errors.New("in "+namespace))
	}
	check := func(list client.ObjectList, options []client.ListOption) error {
		var o client.ListOptions
		o.ApplyOptions(options)
		if _, cluster := list.(*v1alpha1.OrganizationList); cluster {
			if m.organizations {
				return nil
			}
			return denied("organizations", "")
		}
		if m.broken != nil {
			return m.broken
		}
		if m.namespaces[o.Namespace] {
			return nil
		}
		return denied("stages", o.Namespace)
	}
	return fakeClient(t, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if err := check(list, options); err != nil {
				return err
			}
			return c.List(ctx, list, options...)
		},
		Watch: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) (watch.Interface, error) {
			if err := check(list, options); err != nil {
				return nil, err
			}
			return c.Watch(ctx, list, options...)
		},
	}, objects...)
}

func fakeClient(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
}

func stageIn(organization, project, name string) *v1alpha1.Stage {
	return &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-" + organization, Name: project + "-" + name},
		Spec:       v1alpha1.StageSpec{Project: project, Name: name, Ref: "refs/heads/main"},
	}
}

func organization(name string) *v1alpha1.Organization {
	return &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestListWhatOneMaySee(t *testing.T) {
	const acme, globex = "slipway-org-acme", "slipway-org-globex"
	objects := []client.Object{organization("acme"), organization("globex"), stageIn("acme", "shop", "production"), stageIn("acme", "shop", "dev"), stageIn("globex", "site", "dev")}
	tests := map[string]struct {
		member    member
		namespace string
		want      []string
		code      fault.Code
		message   string
	}{
		"everything":                             {member: member{namespaces: map[string]bool{"": true}}, want: []string{"shop/dev", "shop/production", "site/dev"}},
		"one organization, named":                {member: member{namespaces: map[string]bool{acme: true}}, namespace: acme, want: []string{"shop/dev", "shop/production"}},
		"one organization, found":                {member: member{organizations: true, namespaces: map[string]bool{acme: true}}, want: []string{"shop/dev", "shop/production"}},
		"two organizations, found":               {member: member{organizations: true, namespaces: map[string]bool{acme: true, globex: true}}, want: []string{"shop/dev", "shop/production", "site/dev"}},
		"one organization, which can't be found": {member: member{namespaces: map[string]bool{acme: true}}, code: fault.Denied, message: "name yours with -n ORGANIZATION"},
		"no organization":                        {member: member{organizations: true}, code: fault.Denied, message: "name yours with -n ORGANIZATION"},
		"another organization, named":            {member: member{organizations: true, namespaces: map[string]bool{acme: true}}, namespace: globex, code: fault.Denied, message: "ask an owner"},
		"a server that is down":                  {member: member{organizations: true, broken: errors.New("connection refused")}, code: fault.Unavailable, message: "does not answer"},
		"a cluster without Slipway": {
			member: member{broken: apierrors.NewNotFound(schema.GroupResource{Group: "slipway.dev", Resource: "stages"}, "")},
			code:   fault.NotFound, message: "is Slipway installed there?",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stages, err := Stages{Client: tt.member.client(t, objects...)}.List(t.Context(), tt.namespace)
			if fault.CodeOf(err) != tt.code || !strings.Contains(fault.MessageOf(err), tt.message) {
				t.Fatalf("got %v, want a fault %q that says %q", err, tt.code, tt.message)
			}
			var got []string
			for _, s := range stages {
				got = append(got, s.Spec.Project+"/"+s.Spec.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWatchWhatOneMaySee(t *testing.T) {
	c := member{organizations: true, namespaces: map[string]bool{"slipway-org-acme": true}}.client(t, organization("acme"), organization("globex"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes, err := Watch(ctx, c, &v1alpha1.StageList{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []*v1alpha1.Stage{stageIn("globex", "site", "dev"), stageIn("acme", "shop", "dev")} {
		if err := c.Create(ctx, stage); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-changes:
	case <-time.After(10 * time.Second):
		t.Fatal("no change was seen")
	}
	cancel()
	for range changes {
	}
	if _, err := Watch(t.Context(), member{}.client(t), &v1alpha1.StageList{}, ""); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a watch by somebody who may see nothing gave %v", err)
	}
}
