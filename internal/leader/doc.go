// Package leader keeps a replica from writing once it may not lead any more. A
// replica that was frozen, or cut off from the API server, does not know that
// another one leads by now; its clock does.
//
// It must not know what is written.
package leader
