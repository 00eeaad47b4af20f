// Package kaniko builds images with kaniko, one Kubernetes Job per input hash:
// an init container fetches the source under a short-lived token, a second one
// builds without any credential, and the Job's container pushes the image with
// one. NewJob, NewSecret, StateOf and Explain are pure; Builder talks to the
// cluster.
//
// It must not know why an image is wanted.
package kaniko
