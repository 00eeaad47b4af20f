// Package gittest serves real git repositories to tests: git's own HTTP backend
// in this process, and commands that change its repositories.
//
// It must not know how package mirror fetches.
package gittest
