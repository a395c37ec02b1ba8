// Package internal holds the rooms of the project; this test says which may know which.
package internal

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/carillon-project/carillon/"

// arrows lists for each package the packages of ours that it may import, each with the reason.
// Tests may import more. An arrow that is not here is a decision to be made, and made here; one
// that the code no longer has is to be deleted.
var arrows = map[string]map[string]string{
	"cmd/aws": {
		"internal/awscli":   "hands over",
		"internal/chime":    "the services of the program are named here: awscli walks any contract that it is given",
		"internal/chimesdk": "as internal/chime",
		"internal/model":    "a list of services",
	},
	"cmd/carillon": {"internal/carillon": "hands over"},
	"carillontest": {
		"internal/chime":        "the service that it starts",
		"internal/chime/api":    "names what accounts and users are seeded with",
		"internal/chime/rules":  "refuses licenses that an account does not support",
		"internal/directory":    "wires the service; seeds and lists as an operator",
		"internal/profile":      "the variables for its key",
		"internal/seal":         "wires the service",
		"internal/server":       "wires the service",
		"internal/store":        "wires the service",
		"internal/store/sqlite": "opens the database",
		"internal/testmode":     "the clock, and faults",
		"internal/webhook":      "wires the service",
	},

	"examples/go": {}, // as another module would: its tests import carillontest

	// The command's half.
	"internal/awscli": {
		"internal/atomicfile":  "a model is saved whole, or not",
		"internal/build":       "--version, User-Agent",
		"internal/client":      "a command ends in a call",
		"internal/document":    "inputs and replies are documents",
		"internal/help":        "pages for people",
		"internal/jmespath":    "--query",
		"internal/model":       "operations are commands, members are options",
		"internal/output":      "--output",
		"internal/params":      "the words of options become an input",
		"internal/process":     "the signals that end a command",
		"internal/profile":     "what the environment and ~/.aws say",
		"internal/python":      "digits, literals and surrogates are version 1's",
		"internal/servicefile": "reads the models of services that are not built in",
		"internal/shell":       "aliases, PAGER, lines to complete",
		"internal/terminal":    "pages, widths, hints",
	},
	"internal/help": {
		"internal/document": "what a waiter waits for",
		"internal/model":    "derives syntax from shapes, and shows the manual of a service",
		"internal/profile":  "names the variables that it reads",
	},
	"internal/bulk": {
		"internal/address":     "which rows name the same user, and which address nobody can have",
		"internal/atomicfile":  "the name of a ledger is on the disk before a call is sent",
		"internal/chime":       "the operations that it calls",
		"internal/chime/api":   "the names of statuses and types that its rules are about",
		"internal/chime/rules": "a plan says what the service would refuse",
		"internal/client":      "a chunk of rows is a call",
		"internal/document":    "inputs, replies and ledger lines",
		"internal/extension":   "a job tells the service of itself",
		"internal/jmespath":    "--where",
		"internal/model":       "what an operation is",
		"internal/nearest":     "what a misspelled word of --where may mean",
		"internal/sheet":       "rows come from tables and leave as tables",
	},
	"internal/params": {
		"internal/document":  "makes inputs",
		"internal/model":     "by the shapes of the contract",
		"internal/python":    "reads words, and reports files, as version 1 does",
		"internal/timestamp": "a time must be readable",
	},
	"internal/jmespath": {
		"internal/document": "searches documents",
		"internal/python":   "numbers and characters are version 1's",
	},
	"internal/output": {
		"internal/document": "prints documents",
		"internal/python":   "keys in capitals, and what has no UTF-8 form",
	},
	"internal/client": {
		"internal/document":  "inputs and replies",
		"internal/model":     "where each member goes in a message",
		"internal/python":    "replies become values as in version 1",
		"internal/sigv4":     "signs",
		"internal/timestamp": "times on the wire",
	},
	"internal/sts": {
		"internal/client":   "a question is a signed request",
		"internal/document": "replies are kept in a cache as JSON",
		"internal/model":    "what replies hold",
		"internal/python":   "lengths, integers and words of errors are version 1's",
	},
	"internal/profile": {
		"internal/atomicfile": "replaces a file of settings, or of a cache",
		"internal/client":     "asks for credentials what has them",
		"internal/document":   "reads the JSON of whatever has credentials, and of endpoint rules",
		"internal/sts":        "asks for the credentials of a role",
		"internal/model":      "a service has an endpoint, and a name in settings",
		"internal/python":     "numbers, blanks and errors of files are version 1's",
		"internal/shell":      "credential_process, names of profiles",
		"internal/timestamp":  "when credentials expire",
	},

	// The service's half.
	"internal/carillon": {
		"internal/atomicfile":     "saves plans, tables and the root key's lines",
		"internal/awscli":         "the demo runs real commands",
		"internal/build":          "version, and the user agent of bulk jobs",
		"internal/bulk":           "its commands",
		"internal/chime":          "the service that it serves, and that the demo and bulk call",
		"internal/chime/api":      "prints accounts and users in the API's shapes",
		"internal/client":         "bulk calls an endpoint",
		"internal/console":        "wires the service",
		"internal/directory":      "wires the service; the operator's channel",
		"internal/document":       "JSON output",
		"internal/extension":      "the actions of operations of our own, which policies name",
		"internal/importer":       "reads the files of an import",
		"internal/metrics":        "wires the service",
		"internal/model":          "operations of the service's own",
		"internal/nearest":        "what a misspelled action of a policy may mean",
		"internal/output":         "tables",
		"internal/policy":         "names the managed policies",
		"internal/process":        "the signals that end a command",
		"internal/profile":        "a new key goes into a profile; bulk finds its endpoint in one",
		"internal/report":         "what it writes of a service: seats, the audit trail",
		"internal/seal":           "wires the service",
		"internal/server":         "wires the service",
		"internal/sheet":          "the audit trail as CSV: guards formulas",
		"internal/shell":          "quotes the words of commands that it suggests",
		"internal/store":          "wires the service",
		"internal/store/postgres": "opens the database",
		"internal/store/sqlite":   "opens the database; backups and the lock of a directory are SQLite's",
		"internal/terminal":       "may it ask, how wide is a table, and the keys that the demo waits for",
		"internal/testmode":       "wires the service",
		"internal/webhook":        "wires the service",
	},
	"internal/carillon/gen": {"internal/carillon": "describes its commands"},
	"internal/server": {
		"internal/chime/api": "decodes, calls, encodes",
		"internal/directory": "who the caller is, and his key",
		"internal/extension": "the actions of operations of our own",
		"internal/model":     "routes are derived from the operations of a contract",
		"internal/policy":    "may this key do that",
		"internal/sigv4":     "verifies",
	},
	"internal/console": {
		"internal/atomicfile": "saves plans",
		"internal/bulk":       "plans and jobs",
		"internal/sheet":      "a plan names columns that were not understood",
		"internal/build":      "says in the trail who calls",
		"internal/chime/api":  "writes times as the API does",
		"internal/client":     "it is a client of the API, in the same process",
		"internal/directory":  "sessions",
		"internal/document":   "inputs and replies",
		"internal/extension":  "the operations that it calls beside the API's",
		"internal/model":      "what an operation is",
		"internal/policy":     "may this key do that: shows only what it may",
		"internal/profile":    "the variables for a new key",
		"internal/shell":      "spells commands of aws",
		"internal/report":     "reports, and the audit trail as files",
		"internal/testmode":   "the clock of a service for tests",
	},
	"internal/directory": {
		"internal/address":     "who can join, and who is the same",
		"internal/chime/api":   "implements the operations",
		"internal/chime/rules": "what it refuses, shared with bulk jobs",
		"internal/document":    "writes the audit trail's before and after",
		"internal/e164":        "which country a number is of, and whether calls are free",
		"internal/extension":   "answers operations of our own",
		"internal/model":       "operations of our own are values of it",
		"internal/policy":      "a key is made with a policy that can be read",
		"internal/seal":        "keys keep their secrets sealed",
		"internal/store":       "keeps what they change",
		"internal/webhook":     "calls the endpoints of bots, and the hook of dial-outs",
	},
	"internal/report": {
		"internal/bulk":      "accounts as people know them, and how many are asked for at a time",
		"internal/chime/api": "the names of statuses and types that it counts",
		"internal/client":    "leaves out what a key may not list",
		"internal/directory": "records of the audit trail",
		"internal/document":  "inputs and replies",
		"internal/extension": "reads the audit trail",
		"internal/model":     "what an operation is",
		"internal/sheet":     "CSV that is safe in a spreadsheet",
	},
	"internal/importer": {
		"internal/chime/api": "the rows are values of the API",
		"internal/directory": "what an import takes",
		"internal/document":  "reads JSON",
		"internal/sheet":     "reads tables",
	},
	"internal/extension": {
		"internal/chime": "users are found as the API shows them",
		"internal/model": "the operations that it describes",
	},
	"internal/testmode": {
		"internal/address":     "which user the address in a fault rule is",
		"internal/build":       "says which version it is",
		"internal/chime/api":   "answers with exceptions, and writes times, as the API does",
		"internal/chime/rules": "refuses an item of a batch",
		"internal/directory":   "who the caller is, and the items of a batch",
		"internal/model":       "which operations there are to fail, and where they name users",
		"internal/nearest":     "what a misspelled member of a fault rule, or name of a snapshot, may mean",
		"internal/sigv4":       "for which region a request is",
		"internal/store":       "keeps the clock, for a restart and for commands beside the service; the addresses of users",
	},
	"internal/metrics": {"internal/store": "tells what the storage has done"},
	"internal/policy":  {"internal/document": "reads policy documents"},
	"internal/seal": {
		"internal/atomicfile": "a key file is there whole or not at all",
		"internal/store":      "a database holds the check value of its key",
	},
	"internal/webhook": {
		"internal/build":     "says who calls",
		"internal/chime/api": "writes times as the API does",
	},
	"internal/store": {}, // the contract: it knows no engine, and no engine knows the other
	"internal/store/sqlite": {
		"internal/atomicfile":            "a backup is there whole or not at all",
		"internal/seal":                  "a backup names the key file that opens its secrets",
		"internal/store":                 "keeps the contract",
		"internal/store/internal/engine": "the statements that both engines run",
	},
	"internal/store/postgres": {
		"internal/store":                 "keeps the contract",
		"internal/store/internal/engine": "the statements that both engines run",
	},
	"internal/store/internal/engine": {
		"internal/address": "the keys of addresses, and of those that an older release kept",
		"internal/e164":    "the countries of numbers that an older release kept",
		"internal/store":   "keeps its records in rows",
	},
	"internal/store/storetest": {"internal/store": "tests any engine"},
	// Only tests import these.
	"internal/store/postgres/clustertest": {}, // clusters that can be killed
	"internal/store/postgres/poolertest":  {}, // a pooler before a server
	"internal/disktest":                   {}, // what a loss of power leaves of files
	"internal/scheduletest":               {}, // schedules that a seed decides
	"internal/porttest":                   {}, // a port on which nobody listens

	// What both stand on.
	"internal/address":  {},
	"internal/e164":     {},
	"internal/chime":    {"internal/model": "names the service, whose flat form it embeds"},
	"internal/chimesdk": {"internal/model": "names the services, whose flat forms it embeds"},
	"internal/chimesdk/gen": {
		"internal/model":          "the services",
		"internal/model/modelgen": "writes the flat forms",
		"internal/servicefile":    "reads the models",
	},
	"internal/chime/api":   {},
	"internal/chime/rules": {"internal/chime/api": "the values of the contract, and the codes of its errors"},
	"internal/chime/gen": {
		"internal/document":       "reads the exceptions, which only the service needs",
		"internal/model":          "what the contract is read into",
		"internal/model/modelgen": "writes the flat form",
		"internal/servicefile":    "reads the contract",
	},
	"internal/document":       {"internal/python": "spells numbers and values as version 1 does"},
	"internal/model":          {},
	"internal/model/modelgen": {"internal/model": "writes its flat form"},
	"internal/servicefile": {
		"internal/document": "reads JSON in its order",
		"internal/model":    "what it reads contracts into",
	},
	"internal/timestamp": {
		"internal/document": "times are values of documents",
		"internal/python":   "numbers and blanks are version 1's",
	},
	"internal/python": {},
	"internal/sigv4":  {},
	"internal/sheet": {
		"internal/address": "which characters cannot be seen",
		"internal/nearest": "what a misspelled heading may mean",
	},

	// Small jobs, each done in one place. Anybody may need them.
	"internal/atomicfile": {},
	"internal/build":      {},
	"internal/nearest":    {},
	"internal/shell":      {},
	"internal/process":    {},
	"internal/terminal":   {},
}

func TestArrows(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&pkg); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(pkg.ImportPath, module)
		if name == "internal" { // this test
			continue
		}
		allowed, ok := arrows[name]
		if !ok {
			t.Errorf("%s is a new room: say in arrows what it may import", name)
		}
		for _, path := range pkg.Imports {
			if to, ours := strings.CutPrefix(path, module); ours && allowed[to] == "" {
				t.Errorf("%s must not import %s, or arrows must give the reason", name, to)
			}
		}
		for to := range allowed {
			if !slices.Contains(pkg.Imports, module+to) {
				t.Errorf("%s no longer imports %s: delete the arrow", name, to)
			}
		}
	}
}
