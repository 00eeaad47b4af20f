// Package offline is what the commands that need no cluster share: a state of a
// repository and its project file, the choice of a stage in it, the target that it
// would be placed on, and rendering by the server's own code. It must not know a
// cluster's API.
package offline
