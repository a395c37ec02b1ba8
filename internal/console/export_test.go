package console

import "time"

// In tests a browser is never too slow because the machine is busy, and no stream ends by itself.
func init() { restTime, streamTime = time.Minute, time.Hour }

// Routes returns the patterns of all pages.
func (c *Console) Routes() []string { return c.routed }

// Kept returns how many bytes of answers are kept.
func (c *Console) Kept() int {
	c.sent.mu.Lock()
	defer c.sent.mu.Unlock()
	return c.sent.size
}
