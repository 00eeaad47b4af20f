// Package fingerprint says what the manifests of a release were made from: what
// was read of which commits, and a digest of everything else. When a later commit
// gives the same answers, it gives the same manifests and images, which is found
// out from tree objects alone: no file is read and nothing is rendered.
//
// A fingerprint may say that something differs which makes no difference; it must
// never say that all is equal when it is not. Tags of images are not part of it: a
// tag that moves is no reason for a release.
//
// It must not know what is rendered, nor where fingerprints are kept.
package fingerprint
