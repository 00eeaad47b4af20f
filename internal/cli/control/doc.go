// Package control is the connection to the control cluster that commands share:
// the flags that choose it and the organization, its client, the stages in it,
// and completion of their names in shells. It must not print results, nor know
// what is asked of a stage.
package control
