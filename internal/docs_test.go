package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages returns the Markdown files that people read, by path from the
// repository's root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, top := range []string{"../README.md", "../CONTRIBUTING.md", "../SECURITY.md", "../CHANGELOG.md", "../docs", "../internal", "../examples", "../cmd"} {
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "testdata" {
				return fs.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(path, ".md") {
				return nil
			}
			text, err := os.ReadFile(path)
			all[strings.TrimPrefix(path, "../")] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

var (
	fence     = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	filePath  = regexp.MustCompile("`((?:[a-z0-9_.-]+/)+[a-z0-9_.-]*)`")
)

// anchors returns the anchors that a forge gives to the headings of a page.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		all[strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
	}
	return all
}

// What a page links to is there: files, and headings in them.
func TestLinksInDocs(t *testing.T) {
	all, seen := pages(t), 0
	for path, page := range all {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(fence.ReplaceAllString(page, ""), ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // on the internet
			}
			seen++
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, match[1])
			} else if anchor != "" && !anchors(all[file])[anchor] {
				t.Errorf("%s links to %s, which has no such heading", path, match[1])
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d links were found", seen)
	}
}

// The files that the pages about the code name are there. A name is meant from
// the repository's root or from internal.
func TestFilesInDocs(t *testing.T) {
	all, seen := pages(t), 0
	for path, page := range all {
		if path != "docs/architecture.md" && path != "CONTRIBUTING.md" && !strings.HasPrefix(path, "docs/adr/") {
			continue
		}
		for _, match := range filePath.FindAllStringSubmatch(page, -1) {
			seen++
			_, atRoot := os.Stat(filepath.Join("..", match[1]))
			if _, err := os.Stat(match[1]); err != nil && atRoot != nil {
				t.Errorf("%s names %s, which is not there", path, match[1])
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d files were named", seen)
	}
}
