package server

import "time"

// LookSoon makes the next handshake look after the files.
func (c *Certificate) LookSoon() { c.looked = time.Time{} }
