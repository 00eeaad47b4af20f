// Package guard decides what rendered manifests may contain: an allow-list of
// namespaced kinds in the stage's own namespace, images by digest from allowed
// registries, no Secret in plain text, nothing that reaches out of the
// namespace or up to the node.
//
// It is pure. It must not know how manifests were rendered or will be applied.
package guard
