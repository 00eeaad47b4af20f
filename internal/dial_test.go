package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dialRoom makes the outgoing connections.
const dialRoom = "internal/dial"

// ownConnections are what makes a connection, or a client that would make one,
// beside the room dial. Those of the Kubernetes client to the control cluster are its
// own; to others it takes a transport of the room.
func ownConnections() map[string][]string {
	return map[string][]string{
		"net":                       {"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialIP", "DialUnix", "DefaultResolver", "Resolver"},
		"crypto/tls":                {"Dial", "DialWithDialer", "Dialer"},
		"net/http":                  {"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "Transport", "ProxyFromEnvironment"},
		"golang.org/x/crypto/ssh":   {"Dial"},
		"net/smtp":                  {"Dial", "SendMail"},
		"net/rpc":                   {"Dial", "DialHTTP"},
		"golang.org/x/net/proxy":    {"Dial", "FromEnvironment", "Direct", "SOCKS5"},
		"golang.org/x/net/http2":    {"Transport"},
		registryClient:              {"DefaultTransport"},
		"github.com/go-git/go-git/": {"Clone", "PlainClone", "NewRemote"},
	}
}

const registryClient = "github.com/google/go-containerregistry/pkg/v1/remote"

// TestConnectionsAreMadeInOneRoom finds product code that connects by itself: its
// addresses would be checked by nobody.
func TestConnectionsAreMadeInOneRoom(t *testing.T) {
	looked := 0
	for folder, files := range sources(t) {
		if folder == dialRoom || !isProduct(folder) {
			continue
		}
		for _, file := range files {
			looked++
			positions := token.NewFileSet()
			parsed, err := parser.ParseFile(positions, filepath.Join("..", file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for at, what := range connections(parsed) {
				t.Errorf("%s: %s connects beside the room %s; take a *dial.Dialer or its transport", positions.Position(at), what, dialRoom)
			}
		}
	}
	if looked < 300 {
		t.Errorf("looked at %d files only", looked)
	}
}

// isProduct reports whether the server or the command line is made from a folder.
func isProduct(folder string) bool {
	_, floor, known := room(module + folder)
	return known && !isTestRoom(module+folder) && (floor < 5 || folder == "cmd/slipway")
}

// connections returns what connects in a file, by position.
func connections(file *ast.File) map[token.Pos]string {
	found := map[token.Pos]string{}
	packages := imported(file)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			name, ok := n.X.(*ast.Ident)
			if ok && slices.Contains(ownConnections()[packages[name.Name]], n.Sel.Name) && !isPointerTo(file, n) {
				found[n.Pos()] = name.Name + "." + n.Sel.Name
			}
		case *ast.CompositeLit:
			if selector, ok := n.Type.(*ast.SelectorExpr); ok && selector.Sel.Name == "Client" && packageOf(packages, selector) == "net/http" && !hasKey(n, "Transport") {
				found[n.Pos()] = "http.Client without a Transport"
			}
		}
		return true
	})
	if slices.Contains(values(packages), registryClient) && !mentions(file, "WithTransport") {
		found[file.Pos()] = "the registry client without remote.WithTransport"
	}
	return found
}

// isPointerTo reports whether the selector is the type of a pointer: a field or
// argument that holds what the room dial made.
func isPointerTo(file *ast.File, selector *ast.SelectorExpr) bool {
	pointer := false
	ast.Inspect(file, func(n ast.Node) bool {
		if star, ok := n.(*ast.StarExpr); ok && star.X == selector {
			pointer = true
		}
		return !pointer
	})
	return pointer
}

// imported returns the packages of a file by the names that it uses.
func imported(file *ast.File) map[string]string {
	all := map[string]string{}
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		all[name] = path
	}
	return all
}

func packageOf(packages map[string]string, selector *ast.SelectorExpr) string {
	if name, ok := selector.X.(*ast.Ident); ok {
		return packages[name.Name]
	}
	return ""
}

func hasKey(literal *ast.CompositeLit, key string) bool {
	return slices.ContainsFunc(literal.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		name, ok := pair.Key.(*ast.Ident)
		return ok && name.Name == key
	})
}

func mentions(file *ast.File, name string) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && ident.Name == name {
			found = true
		}
		return !found
	})
	return found
}

func values(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// TestConnectionsAreFound proves that the search above finds what it is for.
func TestConnectionsAreFound(t *testing.T) {
	for code, want := range map[string]int{
		`import "net"; var _ = net.Dial`:                                                                          1,
		`import n "net"; var d n.Dialer`:                                                                          1,
		`import "net/http"; var _ = http.Client{}`:                                                                1,
		`import "net/http"; var _ = &http.Client{Timeout: 1}`:                                                     1,
		`import "net/http"; var _ = http.DefaultTransport`:                                                        1,
		`import "net/http"; var _ = &http.Transport{}`:                                                            1,
		`import "net/http"; var t *http.Transport`:                                                                0,
		`import "net/http"; var _ = http.Client{Transport: t}`:                                                    0,
		`import "net/http"; func f() { _, _ = http.Get("http://x") }`:                                             1,
		`import "github.com/google/go-containerregistry/pkg/v1/remote"; var _ = remote.Head`:                      1,
		`import "github.com/google/go-containerregistry/pkg/v1/remote"; var _ = remote.Get(remote.WithTransport)`: 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; "+code, 0)
		if err != nil {
			t.Fatal(err)
		}
		if found := connections(file); len(found) != want {
			t.Errorf("%s: found %v, want %d", code, found, want)
		}
	}
}
