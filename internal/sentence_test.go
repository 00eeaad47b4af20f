package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unreached are words for somebody who gave no answer.
var unreached = regexp.MustCompile(`(did not|didn't|does not|doesn't) answer|(can't|cannot|could not|couldn't) be reached`)

// tellApart are the files that tell silence from a refusal and from a broken
// answer, each with a test that it does. Others take their sentences from there:
// who refuses has answered.
func tellApart() []string {
	return []string{
		"internal/apply/refusal/explain.go", // only where there is no status
		"internal/apply/cause/pod.go",       // of a pod's health check, by the kubelet
		"internal/build/pull.go",
		"internal/build/registryfault.go",
		"internal/git/wire/fault.go",
		"internal/kube/code.go",
		"internal/render/source/compose/key/volume.go", // of data, which answers nobody
		"internal/scm/refusal.go",
	}
}

// TestSilenceIsSaidOfSilence finds sentences that say of somebody that they did not
// answer, outside of where that is known.
func TestSilenceIsSaidOfSilence(t *testing.T) {
	used := map[string]bool{}
	for folder, files := range sources(t) {
		if !isProduct(folder) {
			continue
		}
		for _, file := range files {
			for at, text := range literals(t, file) {
				switch {
				case !unreached.MatchString(text):
				case slices.Contains(tellApart(), file):
					used[file] = true
				default:
					t.Errorf("%s says %q; is it known that there was no answer? kube.AskFault, scm.Unreached and the like tell", at, text)
				}
			}
		}
	}
	for _, file := range tellApart() {
		if !used[file] {
			t.Errorf("%s says of nobody that they did not answer; take it from the list", file)
		}
	}
}

// literals returns the texts in a file, by where they are.
func literals(t *testing.T, file string) map[string]string {
	t.Helper()
	positions := token.NewFileSet()
	parsed, err := parser.ParseFile(positions, filepath.Join("..", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		literal, ok := n.(*ast.BasicLit)
		if ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				all[positions.Position(literal.Pos()).String()] = text
			}
		}
		return true
	})
	return all
}

// badSentences are what a sentence becomes when a name in it is empty or an
// argument has another type than its verb.
var badSentences = regexp.MustCompile(`%![a-zA-Z(]|<nil>|\b(?:[Pp]roject|[Ss]tage|[Ss]ervice|[Rr]epository|[Rr]elease|[Cc]luster|[Oo]rganization|[Cc]ommit|[Bb]ranch|[Ii]mage|[Rr]egistry|[Ss]ecret|[Nn]amespace)  [a-z]|\b(?:of|by|at|from|for|to|with|in)  [a-z(]|\b(?:of|by|at|from|for|with) [;:,.](?:\s|$)|\(\)[;:.]`)

// TestSentencesAreWhole looks at everything that tests keep of what people read:
// golden files and scripts of the command line.
func TestSentencesAreWhole(t *testing.T) {
	looked := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, "testdata") {
			return err
		}
		if !slices.Contains([]string{".golden", ".txt", ".txtar", ".md"}, filepath.Ext(path)) {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		for i, line := range bytes.Split(data, []byte("\n")) {
			if found := badSentences.Find(line); found != nil {
				t.Errorf("%s:%d: %q in %q: a name is missing, or a verb does not fit", path, i+1, found, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 30 {
		t.Errorf("looked at %d files only", looked)
	}
}

// TestBadSentencesAreFound proves that the search above finds what it is for.
func TestBadSentencesAreFound(t *testing.T) {
	for sentence, bad := range map[string]bool{
		"project  has no cluster": true, "stage web of %!s(MISSING) is held": true, "%!d(string=x)": true, "commit  by alice": true,
		"the release of ; look again": true, "held by : nobody": true, "deployed from  at noon": true, "released by alice ()": false, "it was <nil>": true,
		"the rights of  (owner)": true, "project shop has no cluster": false, "100% of it": false, "nobody to wait for": false, "stage  NAME": false,
		"who may do it ();": true, "by: alice": false,
	} {
		if badSentences.MatchString(sentence) != bad {
			t.Errorf("%q: bad is %v", sentence, !bad)
		}
	}
}
