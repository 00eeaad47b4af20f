// Package previews is the command previews: which open pull requests have a preview,
// and why the others have none.
package previews
