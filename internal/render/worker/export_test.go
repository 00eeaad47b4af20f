package worker

// Confine lets tests try what a confined process can't do.
func Confine(memory, cpu int64) error {
	return confine(confinement{Memory: memory, CPU: cpu, Threads: 1})
}
