package seal

// keepOwner does nothing: a new file has the rights of its directory.
func keepOwner(string, string) error { return nil }
