// Package starter looks at a repository and makes the files of a first deploy:
// a slipway.yaml, and a Dockerfile where one is missing.
//
// It reads a few well-known files, each up to a limit, runs nothing, and
// writes nothing. It must not know git or the command line.
package starter
