// Package compose maps services of Compose files to services as the project
// file knows them, and says what is built for them. Every key is mapped, holds
// anyway, is left out with a warning, or is an error: key has the table.
//
// The files are read from the commit's tree, with no environment. What they
// refer to is read from the tree too: nothing is read from a disk.
//
// It must not know what objects the services become.
package compose
