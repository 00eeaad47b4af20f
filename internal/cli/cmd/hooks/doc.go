// Package hooks holds the commands that make, list, repair and rotate the
// webhooks of a project at its forges. It must not know any one forge: drivers of
// package scm do what is theirs.
package hooks
