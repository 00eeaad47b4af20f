// Package repository opens the repositories of projects: their heads, the trees
// of their commits, their project files, and what a build may fetch. Where a
// repository is and who may read it always comes from the Project, never from a
// webhook.
//
// It must not know what a commit is used for.
package repository
