package server

import "time"

// BodyLimit is for tests to go to the limit.
var BodyLimit = bodyLimit

// A client of a test may be kept from sending the rest of a body while the machine is busy.
func init() { restTime = time.Minute }

// RestTime changes how long the rest of a body is read, and returns how long it was.
func RestTime(d time.Duration) (former time.Duration) {
	former, restTime = restTime, d
	return former
}

// LookSoon makes the next handshake look after the files.
func (c *Certificate) LookSoon() { c.looked = time.Time{} }
