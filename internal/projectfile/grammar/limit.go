package grammar

// How many of each a project may have, over all of its files.
const (
	MaxServices = 200
	MaxStages   = 100
	MaxMembers  = 1000
	MaxSealed   = 100 // sealed Secrets, and values of one
)
