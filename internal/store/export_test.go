package store

// ShortLog are options of a store on SQLite whose log starts again after so many frames.
func ShortLog(frames int) Options { return Options{restartFrames: frames} }
