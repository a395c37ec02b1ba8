package bulk_test

import (
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/bulk"
)

// chosen returns the addresses of the rows that meet conditions, and the error if there is one.
func chosen(t testing.TB, rows string, texts ...string) string {
	t.Helper()
	o := bulk.RowOptions{Action: bulk.Suspend}
	for _, text := range texts {
		only, err := bulk.ParseOnly(text)
		if err != nil {
			return err.Error()
		}
		o.Only = append(o.Only, only)
	}
	table, err := bulk.ReadRows(strings.NewReader(rows), "rows", o)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, w := range table.Wishes {
		names = append(names, w.Email)
	}
	return strings.Join(names, " ")
}

func TestOnly(t *testing.T) {
	t.Parallel()
	const table = `email,Department,Cost Center,Licence,Path
a@x.example,Sales,100,Pro,a*b
b@x.example, SALES ,200,Basic,a\b
c@x.example,Sales EMEA,300,,axb
d@x.example,Zürich,,Pro
`
	const objects = `{"email": "a@x.example", "Department": "Sales", "more": {"Cost Center": 100}}
{"email": "b@x.example", "Licence": "Pro", "Leaver": true}
`
	for _, tt := range []struct {
		rows  string
		texts []string
		want  string
	}{
		{table, []string{"Department=sales"}, "a@x.example b@x.example"},
		{table, []string{"department = Sales*"}, "a@x.example b@x.example c@x.example"},
		{table, []string{"Department!=Sales*"}, "d@x.example"},
		{table, []string{"Department=Sales*", "cost-center!=100"}, "b@x.example c@x.example"},
		{table, []string{"Cost Center=?00", "Cost Center!=2??"}, "a@x.example c@x.example"},
		{table, []string{"Cost Center="}, "d@x.example"},
		{table, []string{"Cost Center!="}, "a@x.example b@x.example c@x.example"},
		{table, []string{"LicenseType=PRO"}, "a@x.example d@x.example"}, // a name of the column of another sheet
		{table, []string{"Path="}, "d@x.example"},
		{table, []string{"Department=Zürich"}, "d@x.example"},
		{table, []string{`Path=a\*b`}, "a@x.example"},
		{table, []string{`Path=a\b`}, `b@x.example`},
		{table, []string{"Path=a*b"}, "a@x.example b@x.example c@x.example"},
		{table, []string{"Path=*a*b*"}, "a@x.example b@x.example c@x.example"},
		{table, []string{"Path!=A?B"}, "d@x.example"},
		{objects, []string{"Department=sales"}, "a@x.example"},
		{objects, []string{"Department!=sales"}, "b@x.example"},
		{objects, []string{"cost center=100"}, "a@x.example"},
		{objects, []string{"leaver=TRUE"}, "b@x.example"},

		{table, []string{"Departmnt=Sales"}, `rows: --only Departmnt=Sales: there is no column "Departmnt" (did you mean Department?); the headings are "email", "Department", "Cost Center", "Licence", "Path"`},
		{objects, []string{"Team=Sales"}, `rows: --only Team=Sales: there is no column "Team"; the headings are "email", "Department", "Cost Center", "Licence", "Leaver"`},
		{"email,Team,team\na@x.example,A,B\n", []string{"TEAM=A"}, "rows: --only TEAM=A: columns 2 and 3 have this heading: give one of them another"},
		{"email,Team,team\na@x.example,A,B\n", []string{"team=B"}, "a@x.example"},
		{table, []string{"Department=Oslo"}, `rows: --only Department=Oslo: no row meets this; the column has "Sales", "Sales EMEA", "Zürich"`},
		{table, []string{"Department=Sale"}, `rows: --only Department=Sale: no row meets this (did you mean Sales?); the column has "Sales", "Sales EMEA", "Zürich"`},
		{table, []string{"email!=*@x.example"}, `rows: --only email!=*@x.example: no row meets this; the column has "a@x.example", "b@x.example", "c@x.example", "d@x.example"`},
		{table, []string{"Department=Zürich", "Cost Center=100"}, "rows: no row meets all of --only Department=Zürich, --only Cost Center=100"},
		{"email,Team\n", []string{"Team=A"}, "rows: --only Team=A: no row meets this: the file has no rows"},
		{table, []string{"Department"}, `"Department" is neither COLUMN=VALUE nor COLUMN!=VALUE`},
		{table, []string{"!=Sales"}, `"!=Sales" is neither COLUMN=VALUE nor COLUMN!=VALUE`},
	} {
		if got := chosen(t, tt.rows, tt.texts...); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.texts, got, tt.want)
		}
	}
}

// Whatever a cell holds, a value that spells it chooses it, and nothing is chosen by both = and !=.
func FuzzOnly(f *testing.F) {
	for _, text := range []string{"Sales", "a*b", `\\*?`, "Zürich", "İ", "=!="} {
		f.Add(text, "S*?")
	}
	spell := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`)
	f.Fuzz(func(t *testing.T, cell, pattern string) {
		holds := func(value string) bool {
			only, err := bulk.ParseOnly("Team=" + value)
			if err != nil {
				t.Fatal(err)
			}
			not, err := bulk.ParseOnly("Team!=" + value)
			if err != nil {
				t.Fatal(err)
			}
			if only.Holds(cell) == not.Holds(cell) {
				t.Errorf("%q: %v and %v say the same of it", cell, only, not)
			}
			return only.Holds(cell)
		}
		if !holds(spell.Replace(cell)) || !holds("*") {
			t.Errorf("%q is not chosen by its own text, or not by *", cell)
		}
		holds(pattern)
	})
}
