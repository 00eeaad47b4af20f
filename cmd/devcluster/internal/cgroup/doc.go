// Package cgroup keeps a folder of its own in every control group hierarchy, of
// version 1 and 2 alike, and ends and removes what is in it.
//
// It must not know what runs in the groups.
package cgroup
