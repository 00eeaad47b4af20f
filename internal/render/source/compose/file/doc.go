// Package file reads the Compose files of a service as Compose reads them:
// merged in their order, with variables from the .env file beside the first
// one, but from a commit's tree and with no environment. It remembers where
// every key is written, and finds all that is wrong in one run.
//
// It must not know what becomes of the services.
package file
