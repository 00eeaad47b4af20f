// Package simulate holds the command that tells what the server would make of a
// webhook, planned by the server's own code from a local repository. It must not
// know a cluster, a registry or a forge's API.
package simulate
