// Package forge keeps one client for each credential of a forge, bounds the
// calls under way with it, and asks for the facts that a plan needs: checks of
// a commit, and groups of a person.
//
// It must not know what is reported, or when.
package forge
