package awscli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/model"
)

// The model of a service that is not built in is read once, and kept in its flat form in the user's
// cache folder, since the JSON of a large one takes longer to read than the rest of a call. What is
// kept says from which files it was made, by their sizes and times. If these differ, or the file is
// damaged, it is made anew without a word; nothing is lost if it cannot be written.

// cacheFolder returns the folder of kept models, "" for none.
func (c *cli) cacheFolder() string {
	var folder string
	switch runtime.GOOS {
	case "windows":
		folder, _ = c.env.Lookup("LocalAppData")
	case "darwin":
		folder = c.env.Expand("~/Library/Caches")
	default:
		if folder, _ = c.env.Lookup("XDG_CACHE_HOME"); folder == "" {
			folder = c.env.Expand("~/.cache")
		}
	}
	if !filepath.IsAbs(folder) {
		return ""
	}
	return filepath.Join(folder, "carillon", "models")
}

// keptModel is the file in which a model is kept.
type keptModel struct {
	path string // empty: nothing is kept
	key  string // what it is made from, in one line
}

// kept returns where the model of these files is kept. builtIn is the built-in service of the same
// command, nil for none.
func (c *cli) kept(f *modelFiles, builtIn *model.Service) keptModel {
	folder := c.cacheFolder()
	if folder == "" {
		return keptModel{}
	}
	key := "model"
	if builtIn != nil && builtIn.Flat != nil {
		key += fmt.Sprintf(" %08x", crc32.ChecksumIEEE([]byte(*builtIn.Flat)))
	}
	for _, name := range modelParts {
		path := f.path(name)
		if path == "" {
			key += " -"
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return keptModel{}
		}
		key += fmt.Sprintf(" %q %d %d", path, info.Size(), info.ModTime().UnixNano())
	}
	name := sha256.Sum256([]byte(f.path(modelParts[0])))
	// Two releases side by side keep a file each: they would write one anew in turn.
	return keptModel{filepath.Join(folder, hex.EncodeToString(name[:12])+"-"+model.Form+".flat"), key}
}

// head is the first line of the file, for the flat form that comes after it.
func (k keptModel) head(flat string) string {
	return fmt.Sprintf("%08x %d %s\n", crc32.ChecksumIEEE([]byte(flat)), len(flat), k.key)
}

// open returns the model, or nil if it is not kept, or not as it is now.
func (k keptModel) open() *model.Service {
	if k.path == "" {
		return nil
	}
	data, err := os.ReadFile(k.path)
	if err != nil {
		return nil
	}
	head, flat, _ := strings.Cut(string(data), "\n")
	if head+"\n" != k.head(flat) {
		return nil
	}
	s, err := model.Open(flat)
	if err != nil {
		return nil
	}
	return s
}

// save keeps a model, if it can.
func (k keptModel) save(s *model.Service) {
	if k.path == "" || os.MkdirAll(filepath.Dir(k.path), 0o700) != nil {
		return
	}
	file, err := atomicfile.New(k.path, 0o600)
	if err != nil {
		return
	}
	defer file.Discard()
	file.Volatile = true // what is lost is read from the model again
	flat := string(model.AppendFlat(nil, s))
	if _, err := io.WriteString(file, k.head(flat)+flat); err == nil {
		file.Replace()
	}
}
