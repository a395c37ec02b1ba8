package store

import (
	"fmt"
	"io/fs"
	"testing/fstest"
)

// NextRelease returns the options as a release has them that brings one more migration.
func (o Options) NextRelease() Options {
	files := fstest.MapFS{}
	for _, engine := range []string{"sqlite", "postgres"} {
		names, err := fs.Glob(embedded, "migrations/"+engine+"/*.sql")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			text, err := embedded.ReadFile(name)
			if err != nil {
				panic(err)
			}
			files[name] = &fstest.MapFile{Data: text}
		}
		next := fmt.Sprintf("migrations/%s/%04d_next.sql", engine, len(names)+1)
		files[next] = &fstest.MapFile{Data: []byte("CREATE TABLE next (id INTEGER PRIMARY KEY);")}
	}
	o.migrations = files
	return o
}

// ShortLog are options of a store on SQLite whose log starts again after so many frames.
func ShortLog(frames int) Options { return Options{restartFrames: frames} }
