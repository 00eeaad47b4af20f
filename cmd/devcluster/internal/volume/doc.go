// Package volume gives claims of the default storage class a folder on the
// node's disk, and removes the folder when the claim is gone.
//
// A volume is a folder below one root, owned by the cluster; its size is not
// enforced. Claims are bound as soon as they are made, since there is one node.
//
// It must not know how the cluster is made.
package volume
