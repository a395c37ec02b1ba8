package postgres

import "github.com/carillon-project/carillon/internal/store/storetest"

// NextRelease returns the options as a release has them that brings one more migration.
func (o Options) NextRelease() Options {
	o.files = storetest.NextRelease(embedded)
	return o
}

// FirstRelease returns the options as the first release had them.
func (o Options) FirstRelease() Options {
	o.files = storetest.FirstRelease(embedded)
	return o
}
