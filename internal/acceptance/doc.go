// Package acceptance decides whether a project file comes into force as it was
// pushed, or whether what it says about who may do what waits until somebody
// accepts it who may change that by the file in force.
//
// Compare says what differs, Proposal whose pushes made it so, Decide whether it
// is accepted. Everything here is a pure function of its arguments. It must not
// know git, Kubernetes or a forge, nor where a proposal is kept.
package acceptance
