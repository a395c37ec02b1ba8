package console

// Routes returns the patterns of all pages.
func (c *Console) Routes() []string { return c.routed }
