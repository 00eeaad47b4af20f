package source

import "time"

// Limits bound a context on both sides. Zero fields mean the defaults.
type Limits struct {
	Bytes   int64         // of the whole stream; default 2 GiB
	Entries int           // files, directories and links; default 200,000
	Streams int           // contexts being sent at once; default 16
	Stall   time.Duration // how long nothing may move; default 60 s
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 2 << 30
	}
	if l.Entries == 0 {
		l.Entries = 200_000
	}
	if l.Streams == 0 {
		l.Streams = 16
	}
	if l.Stall == 0 {
		l.Stall = time.Minute
	}
	return l
}
