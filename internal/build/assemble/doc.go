// Package assemble makes images that need no execution: a base image by digest, files
// of a commit's tree in one layer for each instruction, and a configuration. Nothing
// runs and nothing is unpacked; everything is streamed. Whatever it isn't sure of,
// because builders don't agree or because only running would tell, it leaves to a
// builder and says why.
//
// It must not know of stages of a project, of releases or of git.
package assemble
