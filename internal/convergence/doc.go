// Package convergence proves that the server ends in the state of the refs,
// whatever happens on the way: deliveries that are lost, repeated and
// reordered, neighbours that are slow, refuse or break, and a server that is
// killed at any moment. The server is the program itself, in a process of its
// own, before a real API server and a real git server.
//
// Beyond tests there is nothing in it. `make integration` runs a few of each,
// `make convergence` many, `make load` the ones that measure.
package convergence
