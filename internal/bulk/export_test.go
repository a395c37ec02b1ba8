package bulk

import "time"

// A busy machine must not make a job give up telling the service of itself.
func init() { AnnounceTime = time.Minute }
