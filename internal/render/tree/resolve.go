package tree

import (
	"path"
	"strings"
	"unicode"
)

// Resolve returns the path from the repository's root of ref, which something
// at the place refers to from the directory dir ("." is the root). It refuses
// what is not a relative path inside the repository: URLs, git addresses,
// absolute paths and paths that leave the root.
func Resolve(at Place, dir, ref string) (string, error) {
	if reason := remote(ref); reason != "" {
		return "", at.Refuse("%s is %s; only files of this repository can be referred to: copy what is needed into it and give a relative path", Quote(ref), reason)
	}
	switch {
	case ref == "":
		return "", at.Refuse("the path is empty; give a path relative to %s", Quote(dir))
	case strings.HasPrefix(ref, "/"), strings.HasPrefix(ref, "~"):
		return "", at.Refuse("%s is an absolute path; give a path relative to %s", Quote(ref), Quote(dir))
	case strings.ContainsRune(ref, '\\'), strings.ContainsFunc(ref, unicode.IsControl):
		return "", at.Refuse("%s holds a character that no path may have; use slashes and printable characters", Quote(ref))
	}
	joined := path.Join(dir, ref)
	if joined == ".." || strings.HasPrefix(joined, "../") {
		return "", at.Refuse("%s leaves the repository; refer to a file inside it", Quote(ref))
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part != ".." && strings.Contains(part, "..") {
			return "", at.Refuse("%s is ambiguous: %s is no directory name; check the indentation of the list", Quote(ref), Quote(part))
		}
		if strings.EqualFold(part, ".git") {
			return "", at.Refuse("%s is inside .git, which is no part of a commit; refer to a tracked file", Quote(ref))
		}
	}
	return joined, nil
}

// remote says what kind of remote address ref is, empty when it is a path. It
// refuses more than the programs that would fetch it recognise.
func remote(ref string) string {
	lower := strings.ToLower(strings.TrimSpace(ref))
	switch {
	case strings.Contains(lower, "://"):
		return "a URL"
	case strings.HasPrefix(lower, "git::"), strings.HasPrefix(lower, "git@"), strings.HasPrefix(lower, "gh:"):
		return "a git address"
	case strings.Contains(lower, ":"):
		return "a remote address"
	case strings.HasPrefix(lower, "github.com"), strings.HasPrefix(lower, "gitlab.com"), strings.HasPrefix(lower, "bitbucket.org"):
		return "a git address"
	case strings.Contains(lower, "_git/"), strings.Contains(lower, ".git/"), strings.Contains(lower, "?"):
		return "a git address"
	case strings.Contains(strings.TrimPrefix(lower, "/"), "//"):
		return "a git address"
	}
	return ""
}

// Inside reports whether name is dir or below it.
func Inside(dir, name string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}
