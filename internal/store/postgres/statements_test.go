package postgres_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/store/postgres"
)

// Forms of statements that a server of several nodes refuses, or carries out as something else: of
// an INSERT from a query it makes a COPY, which is not committed with the rest.
var refusedForms = map[string]*regexp.Regexp{
	"INSERT from a query":    regexp.MustCompile(`(?is)^\s*INSERT\b.*\bSELECT\b`),
	"recursion":              regexp.MustCompile(`(?i)\bWITH\s+RECURSIVE\b`),
	"COPY":                   regexp.MustCompile(`(?i)^\s*COPY\b`),
	"MERGE":                  regexp.MustCompile(`(?i)^\s*MERGE\b`),
	"a setting of a session": regexp.MustCompile(`(?i)^\s*SET\s+(SESSION\s+|[a-z_.]+\s*(=|TO))`),
}

// fansOut has the statements that look for their rows on all nodes, and why they may.
var fansOut = map[string]*regexp.Regexp{
	"the trail of an AWS account, which is read by the operator or an administrator": regexp.MustCompile(`^SELECT .* FROM account_audit WHERE aws_account_id = `),
	"pruning that trail":                            regexp.MustCompile(`^DELETE FROM account_audit WHERE aws_account_id = `),
	"old tokens":                                    regexp.MustCompile(`^DELETE FROM account_commits WHERE token < \(`),
	"which tasks are due, by the scheduler":         regexp.MustCompile(`^SELECT .* FROM account_tasks ORDER BY ready LIMIT `),
	"how many tasks are due":                        regexp.MustCompile(`^SELECT kind, COUNT\(\*\) FROM account_tasks WHERE ready <= `),
	"how many hold which license":                   regexp.MustCompile(`^SELECT license, COUNT\(\*\) FROM users `),
	"an upgrade, before the tables are distributed": regexp.MustCompile(`^SELECT account_id, entry, user_id, email, email_key, registration FROM users ORDER BY`),
	"an upgrade, once":                              regexp.MustCompile(`^SELECT .* FROM users WHERE phone_number <> ''`),
}

var (
	tableName = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+)?([a-z_]+)`)
	spaces    = regexp.MustCompile(`\s+`)
)

// checkStatements checks the statements that the suite of the store has run: that an engine of
// several nodes executes each as what it is, on the node that the statement names.
func checkStatements(t *testing.T, statements map[any]any) {
	t.Helper()
	tables := postgres.Tables()
	var all []string
	for text := range statements {
		text := strings.TrimSpace(spaces.ReplaceAllString(text.(string), " "))
		if strings.Contains(text, "carillon_schema") || strings.Contains(text, "pg_dist_") || regexp.MustCompile(`(?i)^(CREATE|ALTER|--|LOCK)`).MatchString(text) {
			continue // the schema is made before it is distributed
		}
		all = append(all, text)
	}
	slices.Sort(all)
	used := make(map[string]bool)
	for _, text := range all {
		for form, expression := range refusedForms {
			if expression.MatchString(text) {
				t.Errorf("%s: %s", form, text)
			}
		}
		named := make(map[string]bool)
		for _, match := range tableName.FindAllStringSubmatch(text, -1) {
			if _, ours := tables[match[1]]; ours {
				named[match[1]] = true
			}
		}
		if len(named) > 1 {
			t.Errorf("a statement names the tables %v: %s", slices.Sorted(maps.Keys(named)), text)
		}
		for table := range named {
			used[table] = true
			column := tables[table]
			routed := regexp.MustCompile(`\b`+column+` (= \$|= ANY\(\$)`).MatchString(text) ||
				strings.HasPrefix(text, "INSERT") && regexp.MustCompile(`\(.*\b`+column+`\b.*\) VALUES`).MatchString(text)
			if column != "account_id" || routed {
				continue
			}
			if !slices.ContainsFunc(slices.Collect(maps.Values(fansOut)), func(e *regexp.Regexp) bool { return e.MatchString(text) }) {
				t.Errorf("a statement asks all nodes for rows of %s: %s", table, text)
			}
		}
	}
	for table := range tables {
		if table != "carillon_schema" && !used[table] {
			t.Errorf("the suite has run no statement on %s", table)
		}
	}
	if len(all) < 80 {
		t.Errorf("the suite has run %d statements only", len(all))
	}
}
