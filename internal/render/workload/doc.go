// Package workload turns a service of the project file into Kubernetes
// objects. Its constructors are pure: the same input gives the same objects.
//
// It must not know where a service's image comes from, nor what happens to the
// objects afterwards: the namespace, and the labels that all objects of a stage
// share, are put on later, whatever source the objects come from.
package workload
