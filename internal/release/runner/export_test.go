package runner

import "time"

// PollBuildsEvery sets the interval at which running builds are checked.
func (r *Runner) PollBuildsEvery(interval time.Duration) { r.buildPoll = interval }
