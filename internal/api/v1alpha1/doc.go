// Package v1alpha1 holds the nouns that Slipway keeps in Kubernetes: the
// custom resources of group slipway.dev. It is on the ground floor: types and
// small pure methods only, no clients, no clocks, no logic.
//
// What only the server writes is atomic: the API server then keeps one owner for
// all of it, not one for each field, and every write costs less.
//
// +kubebuilder:object:generate=true
// +groupName=slipway.dev
package v1alpha1
