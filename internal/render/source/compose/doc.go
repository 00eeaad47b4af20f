// Package compose maps services of a Compose file to services as the project
// file knows them. Keys that have a meaning on Kubernetes are mapped; each
// other key is ignored, warned about or refused, as docs/compose.md says,
// which is written from the same table.
//
// The file is read from the commit's tree, with an empty environment. What it
// refers to is read from the tree too: nothing is read from a disk.
//
// It must not know what objects the services become.
package compose
