// Package desired reads what a stage should consist of: rendered manifests
// become a list of documents, each with the object's name, a digest, the
// stage's labels, and the annotations that steer how the object is applied.
//
// It is pure. A document whose digest is in the inventory is not parsed again.
// It knows nothing of what exists on a cluster, and makes no request.
package desired
