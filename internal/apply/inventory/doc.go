// Package inventory holds which objects a stage owns.
//
// It names stages (Owner) and objects (Ref, Key), says what is recorded of an
// owned object (Entry), and stores the record of a stage as a ConfigMap on the
// control cluster, where no stage can reach it. Saving over a version that was
// not loaded is a conflict.
//
// It knows nothing of manifests and never speaks to the cluster that the
// objects are on.
package inventory
