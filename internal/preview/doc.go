// Package preview decides which open pull requests have a preview, and why the others
// have none.
//
// It is pure: everything that counts is in its inputs. It must not know forges,
// repositories or Stage objects.
package preview
