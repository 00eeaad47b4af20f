// Package ready waits until objects are ready, or until it is certain that
// they will not be, and says why.
//
// It watches the objects of one namespace, their pods, replica sets and
// warnings, and fetches the last lines of a crashed container's log. It also
// waits for a release Job to complete.
//
// It changes nothing on the cluster. It knows nothing of manifests,
// inventories of stages and releases.
package ready
