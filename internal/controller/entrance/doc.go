// Package entrance keeps what the gate knows of previews: it writes the entrance of each
// preview that is behind the gate and the EndpointSlices that lead there, and takes over
// when the gate says that somebody visited one.
//
// It decides nothing about sleep, and must not know how releases run, nor any other
// reconciler.
package entrance
