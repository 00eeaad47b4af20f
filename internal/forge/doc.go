// Package forge keeps one client for each credential of a forge, bounds the
// calls under way with it, and asks for facts: the checks of a commit and the
// groups of a person, which a plan needs, and a repository's open pull requests,
// once per sync.
//
// It must not know what is reported, or when.
package forge
