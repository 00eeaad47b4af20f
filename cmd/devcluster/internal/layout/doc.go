// Package layout names the places and addresses of a cluster: which folder
// holds what, and which networks it uses.
//
// It must not know the programs; it only says where things are.
package layout
