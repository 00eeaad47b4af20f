// Package bench measures how long a push takes until it is live, beside the
// floor: the least that anybody could do for it in one process on the same API
// server in the same run. `make bench` prints one line per figure.
//
// Beyond benchmarks there is nothing in it.
package bench
