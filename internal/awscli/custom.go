package awscli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/servicefile"
)

// Models of services that are not built in are files below some folders:
//
//	FOLDER/SERVICE/VERSION/service-2.json    the model; or service-2.json.gz
//	                       paginators-1.json, waiters-2.json, endpoint-rule-set-1.json,
//	                       service-2.sdk-extras.json
//
// The folders are those of AWS_DATA_PATH, then ~/.aws/models; what is built in comes last. Of all
// versions the greatest counts, by text, and of a version the first folder that has it. So a model
// may also take the place of a built-in one.

// modelFolders returns the folders of models, whether or not they exist.
func (c *cli) modelFolders() []string {
	var folders []string
	if list, _ := c.env.Lookup("AWS_DATA_PATH"); list != "" {
		for _, folder := range filepath.SplitList(list) {
			folders = append(folders, c.env.Expand(folder))
		}
	}
	return append(folders, c.env.Expand("~/.aws/models"))
}

// notServices are the commands of version 1 that are no services, whatever models there are: a
// model of s3 is the command s3api there, which has more to it than a model says.
var notServices = []string{"s3", "s3api", "configure", "deploy", "history", "help"}

// lookup is a service that was looked up.
type lookup struct {
	service *model.Service // nil for none
	err     error
}

// find returns the service of a command, built in or not; nil for any other command. The error says
// what is wrong with a model.
func (c *cli) find(command string) (*model.Service, error) {
	if found, ok := c.found[command]; ok {
		return found.service, found.err
	}
	var found lookup
	found.service, found.err = c.lookUp(command)
	if c.found == nil {
		c.found = map[string]lookup{}
	}
	c.found[command] = found
	return found.service, found.err
}

func (c *cli) lookUp(command string) (*model.Service, error) {
	var builtIn *model.Service
	for _, s := range c.services {
		if s.Command == command {
			builtIn = s
		}
	}
	if command == "" || command != filepath.Base(command) || strings.HasPrefix(command, ".") || slices.Contains(notServices, command) {
		return builtIn, nil
	}
	folders := c.modelFolders()
	var versions []string
	for _, folder := range folders {
		versions = append(versions, versionsIn(filepath.Join(folder, command))...)
	}
	if builtIn != nil {
		if versions == nil && (c.global == nil || c.wantsManual()) {
			return builtIn, nil // pages and completion need no settings
		}
		versions = append(versions, builtIn.Version)
	}
	if versions == nil {
		return nil, nil
	}
	settings := c.settings // which read a file once
	if settings == nil {
		settings = profile.New(c.env, profile.Flags{Profile: c.flag(profileOption)})
	}
	version, chosen, err := settings.APIVersion(command)
	if err != nil {
		return nil, err
	}
	if !chosen {
		version = slices.Max(versions)
	}
	if !slices.Contains(versions, version) {
		//lint:ignore ST1005 version 1's text
		return nil, fmt.Errorf("Unable to load data for: %s", path.Join(command, version, "service-2"))
	}
	files := &modelFiles{folders: folders, place: filepath.Join(command, version)}
	if files.path(modelParts[0]) == "" {
		return builtIn, nil
	}
	if c.wantsManual() { // what is kept has no texts for people
		return files.read(command, builtIn, true)
	}
	kept := c.kept(files, builtIn)
	if s := kept.open(); s != nil {
		return s, nil
	}
	s, err := files.read(command, builtIn, false)
	if err != nil {
		return nil, err
	}
	kept.save(s)
	return s, nil
}

// wantsManual reports whether the line needs what a model says for people.
func (c *cli) wantsManual() bool { return c.global != nil && slices.Contains(c.global.rest, "help") }

// versionsIn returns the versions of a service in its folder.
func versionsIn(folder string) (versions []string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if isFile(filepath.Join(folder, e.Name(), "service-2.json")) || isFile(filepath.Join(folder, e.Name(), "service-2.json.gz")) {
			versions = append(versions, e.Name())
		}
	}
	return versions
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// custom returns the commands of all services that are not built in.
func (c *cli) custom() (commands []string) {
	for _, folder := range c.modelFolders() {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !slices.Contains(commands, e.Name()) && !slices.Contains(notServices, e.Name()) && versionsIn(filepath.Join(folder, e.Name())) != nil {
				commands = append(commands, e.Name())
			}
		}
	}
	return commands
}

// modelFiles are the files of one version of a service, in any of the folders.
type modelFiles struct {
	folders []string
	place   string            // below a folder: SERVICE/VERSION
	paths   map[string]string // by name, once they were looked for
}

// modelParts are the names of the files, the model itself first.
var modelParts = [...]string{"service-2", "service-2.sdk-extras", "paginators-1", "waiters-2", "endpoint-rule-set-1"}

// path returns the first file of that name, "" for none.
func (f *modelFiles) path(name string) string {
	if f.paths == nil {
		f.paths = map[string]string{}
		for _, folder := range f.folders {
			entries, err := os.ReadDir(filepath.Join(folder, f.place))
			if err != nil {
				continue
			}
			for _, e := range entries { // sorted: .json comes before .json.gz
				path := filepath.Join(folder, f.place, e.Name())
				part, ok := strings.CutSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".json")
				if ok && f.paths[part] == "" && (e.Type().IsRegular() || isFile(path)) {
					f.paths[part] = path
				}
			}
		}
	}
	return f.paths[name]
}

// maxModel bounds the text of a model. The largest of any service has 5 MB.
const maxModel = 256 << 20

// text returns the content of a file, "" if there is none.
func (f *modelFiles) text(name string) (string, error) {
	path := f.path(name)
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err == nil && strings.HasSuffix(path, ".gz") {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			data, err = io.ReadAll(io.LimitReader(z, maxModel+1))
		}
	}
	if err == nil && len(data) > maxModel {
		err = fmt.Errorf("it has more than %d MB", maxModel>>20)
	}
	if err != nil {
		return "", fmt.Errorf("reading the model %s: %w", path, err)
	}
	return string(data), nil
}

// read reads the model. A model of the version that is built in goes with what is built in about
// pages.
func (f *modelFiles) read(command string, builtIn *model.Service, manual bool) (*model.Service, error) {
	files := servicefile.Files{Manual: manual}
	for i, to := range []*string{&files.Model, &files.Extras, &files.Paginators, &files.Waiters, &files.Rules} {
		text, err := f.text(modelParts[i])
		if err != nil {
			return nil, err
		}
		*to = text
	}
	s, err := files.Read(command)
	if err != nil {
		return nil, err
	}
	if builtIn != nil && filepath.Base(f.place) == builtIn.Version && files.Paginators == "" {
		for _, op := range s.Operations {
			if same := builtIn.Operation(op.Name); same != nil {
				op.Paginator = same.Paginator
			}
		}
	}
	return s, nil
}
