package internal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/seal"
)

// numbered repeats a format with the numbers below n.
func numbered(n int, format string) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

// parsed parses a project file of which some sections are given.
func parsed(sections map[string]string) error {
	text := "version: 1\nproject: shop\n"
	for name, usual := range map[string]string{"members": "[{user: alice, role: owner}]", "stages": "[{name: dev, branch: main}]", "services": "{web: {image: \"nginx:1\"}}"} {
		if sections[name] == "" {
			sections[name] = usual
		}
	}
	for _, name := range []string{"members", "stages", "services"} {
		text += name + ": " + sections[name] + "\n"
	}
	_, err := projectfile.Parse(project.FileName, []byte(text+sections["more"]))
	return err
}

func fileOfSize(n int) error {
	text := "version: 1\nproject: shop\nmembers: [{user: alice, role: owner}]\nstages: [{name: dev, branch: main}]\nservices: {web: {image: \"nginx:1\"}}\n"
	for len(text) < n-1 {
		text += "# " + strings.Repeat("x", min(1000, max(0, n-len(text)-3))) + "\n"
	}
	_, err := projectfile.Parse(project.FileName, []byte(text+strings.Repeat("\n", n-len(text))))
	return err
}

func fileWithLine(n int) error {
	return parsed(map[string]string{"more": "#" + strings.Repeat("x", n-1) + "\n"})
}

func fileWithAliases(n int) error {
	return parsed(map[string]string{"services": "{a: {image: &i \"a:1\"}, " + numbered(n, "s%d: {image: *i}, ") + "}"})
}

func fileWithServices(n int) error {
	return parsed(map[string]string{"services": "{" + numbered(n, "s%d: {build: {}}, ") + "}"})
}

func fileWithStages(n int) error {
	return parsed(map[string]string{"stages": "[" + numbered(n, "{name: s%d, branch: main}, ") + "]"})
}

func fileWithMembers(n int) error {
	return parsed(map[string]string{"members": "[" + numbered(n, "{user: u%d, role: owner},\n ") + "]"})
}

func fileWithSealed(n int) error {
	return parsed(map[string]string{"more": "sealed: {" + numbered(n, "s%d: {A: "+sealed()+"}, \n  ") + "}\n"})
}

// sealed is a short sealed value.
func sealed() string {
	identity, err := seal.NewIdentity()
	if err != nil {
		panic(err)
	}
	recipient, err := seal.Recipient(identity)
	if err != nil {
		panic(err)
	}
	value, err := seal.Seal(recipient, []byte("x"))
	if err != nil {
		panic(err)
	}
	return value
}

func sealedValue(n int) error {
	identity, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	recipient, err := seal.Recipient(identity)
	if err != nil {
		return err
	}
	_, err = seal.Seal(recipient, bytes.Repeat([]byte("x"), n))
	return err
}

// reader reads a repository within the usual limits.
func reader(files fs.FS) *tree.Reader {
	return tree.NewReader(tree.FromFS(files), tree.DefaultLimits())
}

func filesRead(n int) error {
	files := fstest.MapFS{}
	for i := range n {
		files[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: []byte("x")}
	}
	r := reader(files)
	for name := range files {
		if _, err := r.File(context.Background(), tree.Place{File: project.FileName}, name); err != nil {
			return err
		}
	}
	return nil
}

func fileRead(n int) error {
	_, err := reader(fstest.MapFS{"a": {Data: make([]byte, n)}}).File(context.Background(), tree.Place{File: project.FileName}, "a")
	return err
}

func bytesRead(n int) error {
	const one = 1 << 20
	files := fstest.MapFS{"rest": {Data: make([]byte, n%one)}}
	for i := range n / one {
		files[fmt.Sprintf("f%d", i)] = &fstest.MapFile{Data: make([]byte, one)}
	}
	r := reader(files)
	for i := range n / one {
		if _, err := r.File(context.Background(), tree.Place{}, fmt.Sprintf("f%d", i)); err != nil {
			return err
		}
	}
	_, err := r.File(context.Background(), tree.Place{File: project.FileName}, "rest")
	return err
}

func entriesListed(n int) error {
	files := fstest.MapFS{}
	for i := range n {
		files[fmt.Sprintf("d/f%d", i)] = &fstest.MapFile{}
	}
	_, err := tree.FromFS(files).List("d")
	return err
}

// documents reads YAML as files of a repository are.
func documents(text string) error {
	_, err := tree.Documents("a.yaml", []byte(text), tree.DefaultLimits())
	return err
}

// A document and its list are values, too.
func yamlNodes(n int) error { return documents("[" + strings.Repeat("x,", n-2) + "]") }

// The document is the outermost level.
func yamlDepth(n int) error { return documents(strings.Repeat("[", n) + strings.Repeat("]", n)) }

// The document and its list are values, too.
func smallNodes(n int) error {
	var into any
	if err := manifest.Unmarshal([]byte("["+strings.Repeat("x,", n-2)+"]"), &into); err != nil {
		return fault.Wrap(fault.Invalid, err, "%v", err)
	}
	return nil
}

func visits(n int) error {
	r := reader(fstest.MapFS{})
	for range n {
		if err := r.Visit(tree.Place{File: project.FileName}, 1); err != nil {
			return err
		}
	}
	return nil
}

func documentsRead(n int) error {
	return reader(fstest.MapFS{}).Documents(tree.Place{File: "a.yaml"}, n)
}

// checked has guard look at manifests.
func checked(manifests string) error {
	findings, err := guard.Check([]byte(manifests), guard.Policy{Namespace: "sw-acme-shop-dev"})
	for _, f := range findings {
		err = errors.Join(err, errors.New(f.String()))
	}
	return err
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%d}\n"

// A field's value is below the object.
func manifestDepth(n int) error {
	return checkedReadable("apiVersion: v1\nkind: Widget\nmetadata: {name: a}\nspec: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n")
}

func manifestElements(n int) error {
	return checkedReadable("apiVersion: v1\nkind: Widget\nmetadata: {name: a}\nspec: [" + strings.Repeat("1,", n) + "]\n")
}

// checkedReadable reports only whether manifests can be read.
func checkedReadable(manifests string) error {
	_, err := guard.Check([]byte(manifests), guard.Policy{})
	return err
}

// refused makes findings an invalid error.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Invalid, err, "%v", err)
}

func manifestSize(n int) error {
	head := fmt.Sprintf(configMap, 0) + "data: {a: \""
	return checked(head + strings.Repeat("x", n-len(head)-3) + "\"}\n")
}

func manifestObjects(n int) error { return checked(numbered(n, configMap+"---\n")) }

func gracePeriod(n int) error {
	return checkedPod(fmt.Sprintf("terminationGracePeriodSeconds: %d", n))
}

// checkedPod has guard look at a pod with a field.
func checkedPod(field string) error {
	const image = "nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	err := checked(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      ` + field + `
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers: [{name: web, image: ` + image + `, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
`)
	return refused(err)
}

func dockerfileOfSize(n int) error {
	const head = "FROM scratch\n"
	_, err := build.ParseDockerfile("Dockerfile", []byte(head+strings.Repeat("#"+strings.Repeat("x", 62)+"\n", (n-len(head))/64)+strings.Repeat("\n", (n-len(head))%64)))
	return err
}

func dockerfileStages(n int) error {
	_, err := build.ParseDockerfile("Dockerfile", []byte(strings.Repeat("FROM scratch\n", n)))
	return err
}

func refName(n int) error {
	_, err := scm.BranchRef(strings.Repeat("x", n-len(scm.BranchPrefix)))
	return err
}

func bodyObjects(n int) error {
	var into []any
	return scm.Decode([]byte("["+strings.TrimSuffix(strings.Repeat("{},", n-1), ",")+"]"), &into)
}

func credentials(n int) error {
	const head = `{"auths": {}, "x": "`
	_, err := build.ParseCredentials([]byte(head + strings.Repeat("x", n-len(head)-2) + `"}`))
	return err
}

// bound renders a Compose service that mounts a directory of the commit.
func bound(files map[string]int) error {
	all := fstest.MapFS{"compose.yaml": {Data: []byte("services: {web: {image: \"nginx:1\", volumes: [\"./conf:/conf\"]}}\n")}}
	for name, size := range files {
		all["conf/"+name] = &fstest.MapFile{Data: bytes.Repeat([]byte("x"), size)}
	}
	request := render.Request{Organization: "acme", Project: "shop", Stage: "dev", Services: map[string]project.Service{"web": {Compose: &project.Compose{File: "compose.yaml"}}}}
	_, err := render.Collect(context.Background(), all, request, render.DefaultLimits())
	return err
}

func boundFiles(n int) error {
	files := map[string]int{}
	for i := range n {
		files[fmt.Sprintf("f%d", i)] = 1
	}
	return bound(files)
}

func boundBytes(n int) error { return bound(map[string]int{"a": n}) }

func localFile(n int) error {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("slipway-limit-%d-%d", os.Getpid(), n))
	if err := os.WriteFile(name, make([]byte, n), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(name) }()
	_, err := localfile.Read(name)
	return err
}
