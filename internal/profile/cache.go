package profile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// replyCache is a reply of the token service in the cache that all commands of a user share, those
// of version 1 among them: ~/.aws/cli/cache/KEY.json.
type replyCache struct {
	*Settings
	key string
}

func (c replyCache) path() string { return c.env.Expand("~/.aws/cli/cache/" + c.key + ".json") }

// load returns the credentials in the cache if they are good until then, and else nil. As in
// version 1, a file that cannot be read ends the command: the error is a [CacheError].
func (c replyCache) load(until time.Time) (*Credentials, error) {
	v, ok, err := loadJSON(c.path())
	switch {
	case err != nil:
		return nil, CacheError{c.key, c.path()}
	case !ok:
		c.trace("cache", "none: "+c.path())
		return nil, nil
	}
	found, err := cachedReply(v, until)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		c.trace("cache", "expired: "+c.path())
	default:
		c.trace("cache", "used "+c.path())
	}
	return found, nil
}

// cachedReply reads the credentials of a value in a cache, nil if they are not good until then.
func cachedReply(v any, until time.Time) (*Credentials, error) {
	o, err := object(v)
	if err != nil {
		return nil, err
	}
	// What has expired may lack the rest.
	expires, err := expiration(o)
	if err != nil || expires.Before(until) {
		return nil, err
	}
	return fromReply(o)
}

// CacheError says that a file of a cache cannot be read. As in version 1, the text is no more than
// its key.
type CacheError struct{ Key, Path string }

func (e CacheError) Error() string { return python.Repr(e.Key) }

// store puts a reply into the cache. Without a cache all works, if slower.
func (c replyCache) store(reply *document.Object) {
	if err := storeJSON(c.path(), reply); err != nil && c.Warn != nil {
		c.Warn(fmt.Sprintf("the credentials of the role are not kept for the next command: %v", err))
	}
}

// maxCached is the longest file of a cache that is read, in bytes.
const maxCached = 1 << 20

// loadJSON reads a file of a cache. ok is false if there is no such file.
func loadJSON(path string) (v any, ok bool, err error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCached+1))
	if err != nil {
		return nil, false, err
	}
	if len(data) > maxCached {
		return nil, false, fmt.Errorf("%s is too long for a cache", path)
	}
	v, err = parseJSON(data)
	return v, err == nil, err
}

func parseJSON(data []byte) (any, error) {
	text, err := python.Decode(data)
	if err != nil {
		return nil, err
	}
	return document.Parse(text)
}

// storeJSON writes a file of a cache, for its user alone. Others see it whole or not at all.
func storeJSON(path string, o *document.Object) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := atomicfile.New(path, 0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	f.Volatile = true // what is lost is asked for again
	if _, err := f.Write(document.AppendCompact(nil, o)); err != nil {
		return err
	}
	return f.Replace()
}
