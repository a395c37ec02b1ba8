package carillon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/testmode"
)

// defaultData is the data directory where neither a directory nor a database is named.
const defaultData = "carillon-data"

// dataGroup is the title of the flags that say where the records are.
const dataGroup = "data of the service"

// database says where the records are: in SQLite in a directory, or in PostgreSQL.
type database struct {
	Data          string // directory of SQLite; beside a URL, of the lines for a shell only
	URL           string // of PostgreSQL; empty for SQLite
	Pool          int    // most connections to PostgreSQL
	SecretKeyFile string // empty: secret.key in Data, or in PostgreSQL itself
}

// flags declares the flags that name a database: one of two.
func (d *database) flags(f *flags) { d.nameFlags(f, insteadOf("data")) }

// serviceFlags declares them for a service, which keeps lines for a shell in the directory if its
// database is elsewhere.
func (d *database) serviceFlags(f *flags) { d.nameFlags(f) }

func (d *database) nameFlags(f *flags, traits ...trait) {
	f.group(dataGroup)
	f.text(&d.Data, "data DIR", "directory that holds the database (default "+defaultData+")", variable, folder)
	f.text(&d.URL, "database-url URL", "PostgreSQL that holds the data instead, postgres://USER:PASSWORD@HOST/NAME; "+
		"other users of the machine can read command lines, so the variable is safer", append(traits, variable)...)
}

// poolFlag declares how many connections a service may make.
func (d *database) poolFlag(f *flags) {
	parsed(f, &d.Pool, numberFrom(1, math.MaxInt32), "database-pool N", "16", "most connections to PostgreSQL", variable)
}

// secretKeyFlag declares the flag of commands that need the key of access keys.
func (d *database) secretKeyFlag(f *flags) {
	f.text(&d.SecretKeyFile, "secret-key-file FILE",
		"file with the key that encrypts access keys (default secret.key in the data directory, or within PostgreSQL)", variable, files())
}

// orDefault returns the database with the default directory, if it names none at all.
func (d database) orDefault() database {
	if d.URL == "" {
		d.Data = cmp.Or(d.Data, defaultData)
	}
	return d
}

// companions are what a service keeps beside its database.
var companions = []string{secretKeyFile, rootKeyFile, dialOutSecretFile, testmode.SnapshotsDir}

// narrow keeps other users out of the data directory, and says where they could be or still can.
func (d *database) narrow(logger *slog.Logger) error {
	if d.Data == "" {
		return nil
	}
	narrowed, wide, err := sqlite.Narrow(d.Data, companions...)
	for _, path := range narrowed {
		logger.Warn("other users of the machine could use what belongs to the service: its permissions are narrower now", "path", path)
	}
	for _, path := range wide {
		logger.Warn("other users of the machine can use what belongs to the service: narrow its permissions, or choose another directory", "path", path)
	}
	return err
}

// serve opens the database for a service, which keeps a directory of SQLite to itself until release
// is called. The log says what an upgrade of the schema has come across. A service for tests does
// not wait for the disk.
func (d *database) serve(ctx context.Context, test bool, logger *slog.Logger) (st store.Store, release func() error, err error) {
	upgraded := func(found store.Upgraded) { logUpgrade(logger, found) }
	if d.URL == "" {
		// Opening upgrades the schema, so the lock comes first: an older release may be serving.
		// The commands beside a service upgrade nothing.
		if release, err = sqlite.Lock(d.Data); err != nil {
			return nil, nil, err
		}
		if st, err = sqlite.Open(ctx, d.Data, sqlite.Options{Upgraded: upgraded, Volatile: test, Companions: companions}); err != nil {
			return nil, nil, errors.Join(err, release())
		}
		return st, release, nil
	}
	warn := func(setting string) {
		logger.Warn("the server of the database has "+setting+" off: if its machine fails, changes that were confirmed can be lost, "+
			"or all of the database", "setting", setting)
	}
	st, err = postgres.Open(ctx, d.URL, postgres.Options{Pool: d.Pool, Upgraded: upgraded, Unsafe: warn})
	return st, nil, err
}

// logUpgrade tells an operator what to do about users and claims that an older release let in. It
// names them by their ids.
func logUpgrade(logger *slog.Logger, found store.Upgraded) {
	if found.OfAddresses() {
		logger.Info("addresses are compared by one rule now, see docs/operating.md", "users_compared_differently", found.Users,
			"unfit", len(found.Unfit), "doubled", len(found.Doubled), "in_claimed_domains", len(found.Claimed), "claims_without_effect", len(found.Domains))
	}
	if found.OfNumbers() {
		logger.Info("phone numbers of users belong to their AWS accounts now, see docs/operating.md", "numbers", found.Numbers,
			"users_without_theirs", len(found.NumberTaken))
	}
	warn := func(text string, users []store.UserName) {
		for some := range slices.Chunk(users, 50) { // a line should not be endless
			for len(some) > 0 {
				account, ids := some[0].AccountID, []string{}
				for len(some) > 0 && some[0].AccountID == account {
					ids, some = append(ids, some[0].UserID), some[1:]
				}
				logger.Warn(text, "account_id", account, "user_ids", ids)
			}
		}
	}
	warn("users have an address that nobody can have any more: they work as before; "+
		"to mend one, invite or register the person under the right address, then suspend this user", found.Unfit)
	warn("users have an address that another user has in another spelling: they work as before, but only the other is found by the address; "+
		"suspend the one who is not needed", found.Doubled)
	warn("users have an address in a domain that another account has claimed: they work as before; suspend those who do not belong here", found.Claimed)
	warn("users have lost their phone number, since another user or AWS account has it: give them another one", found.NumberTaken)
	for _, d := range found.Domains {
		logger.Warn("a claim covers no address, since the name is not valid or another claim covers it: release it by carillon domain release",
			"account_id", d.AccountID, "domain", d.Name)
	}
}

// exists reports whether there is anything to open; nil says yes.
func (d *database) exists() error {
	if d.URL != "" {
		return nil
	}
	_, err := os.Stat(filepath.Join(d.Data, sqlite.File))
	return err
}

// missing says what to do about an error of exists.
func (d *database) missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s: name its directory with --data, or start carillon serve first", d.Data)
	}
	return err
}

// open opens the database beside a service that may be running on it.
func (d *database) open(ctx context.Context) (store.Store, error) {
	if err := d.exists(); err != nil {
		return nil, d.missing(err)
	}
	if d.URL != "" {
		return postgres.Open(ctx, d.URL, postgres.Options{Pool: 2, Beside: true})
	}
	return sqlite.Open(ctx, d.Data, sqlite.Options{Beside: true, Companions: companions})
}

// kind names the engine. It says nothing of a URL, which may hold a password.
func (d *database) kind() string {
	if d.URL != "" {
		return "PostgreSQL"
	}
	return "SQLite"
}

// keyIsInside reports whether the key that encrypts secrets is kept beside them.
func (d *database) keyIsInside() bool { return d.URL != "" && d.SecretKeyFile == "" }

// keyFile is the file with that key, if it is in one.
func (d *database) keyFile() string {
	return cmp.Or(d.SecretKeyFile, filepath.Join(d.Data, secretKeyFile))
}

// keyPlace tells people where that key is.
func (d *database) keyPlace() string {
	if d.keyIsInside() {
		return "the database"
	}
	return d.keyFile()
}

func (d *database) sealer(ctx context.Context, st store.Store) (*seal.Sealer, error) {
	if d.keyIsInside() {
		return seal.FromStore(ctx, st)
	}
	return seal.FromFile(ctx, st, d.keyFile())
}
