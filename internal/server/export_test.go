package server

import "time"

// BodyLimit is for tests to go to the limit.
var BodyLimit = bodyLimit

// LookSoon makes the next handshake look after the files.
func (c *Certificate) LookSoon() { c.looked = time.Time{} }
