// Package kubefake gives tests of reconcilers a client of an API server that is
// a map: with Slipway's types, their indexes and status subresources.
//
// It must not know what is tested.
package kubefake
