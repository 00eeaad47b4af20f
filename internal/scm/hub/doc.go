// Package hub parses the JSON of GitHub's webhooks, which Gitea adopted.
//
// It must not know which events a forge sends, what their actions mean, nor how
// they are signed: that is each driver's.
package hub
