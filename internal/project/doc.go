// Package project holds the plain values of a project file (slipway.yaml):
// the file itself, its stages, members, roles and services.
//
// It must not know YAML, git or Kubernetes, and it does no I/O. The room
// projectfile reads these values from a file and checks them, so that render,
// plan and the command line only see checked values.
package project
