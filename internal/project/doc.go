// Package project holds the plain values of a project file (slipway.yaml):
// the file itself, its stages, members, roles and services.
//
// It knows nothing of YAML, git or Kubernetes and does no I/O. The room
// projectfile reads these values from a file and checks them; render, plan
// and the command line only ever see checked values.
package project
