package sheet_test

import (
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/sheet"
)

var everything = sheet.NewColumns(sheet.UserID, sheet.PrimaryEmail, sheet.User, sheet.LicenseType, sheet.Column{}, sheet.UserType, sheet.AlexaEnabled, sheet.AlexaRoomARN)

func TestColumns_Find(t *testing.T) {
	t.Parallel()
	for want, headings := range [][]string{
		{"UserId", "user_id", "User ID", "id", "USERID", "[Id]"},
		{"PrimaryEmail", "E-Mail", "e‑mail", "mail", "Email Address", "Email Address [Required]", "[Mail]", " [ E-Mail ] ", "UserEmail", "User E-Mail",
			"primary_email", "PrimarySmtpAddress", "\uFEFFemail", "e\u200bmail", "“Email”"},
		{"user", "User:"},
		{"LicenseType", "license", "Licence", "licence type", "License_Type [new]"},
		{},
		{"UserType", "user type"},
		{"Alexa", "AlexaForBusinessMetadata.IsAlexaForBusinessEnabled"},
		{"AlexaRoomArn", "AlexaForBusinessMetadata.AlexaForBusinessRoomArn", "alexa arn"},
	} {
		for _, heading := range headings {
			if got := everything.Find(heading); got != want {
				t.Errorf("%q: got column %d, want %d", heading, got, want)
			}
		}
	}
	for _, heading := range []string{"", " ", "[]", "-", "Lic", "Lizenz", "License Tier", "New Primary Email [UPLOAD ONLY]", "EmailAddresses", "UserPrincipalName", "Имя", "идентификатор"} {
		if got := everything.Find(heading); got != -1 {
			t.Errorf("%q: got column %d, want none", heading, got)
		}
	}
}

func TestColumns_Nearest(t *testing.T) {
	t.Parallel()
	for heading, want := range map[string]string{
		"Lic": "LicenseType", "Lizenz": "LicenseType", "License Tier": "LicenseType", "Licens": "LicenseType", "New License": "LicenseType",
		"Emial": "PrimaryEmail", "Work Email": "PrimaryEmail", "e-mailaddres": "PrimaryEmail", "Username": "User", "User Typ": "UserType", "UserID (old)": "UserId",
		"Name": "", "First Name": "", "Department": "", "City": "", "Phone": "", "Comment": "", "Имя": "", "": "", "x": "",
		strings.Repeat("license", 1000): "",
	} {
		if got := everything.Nearest(heading); got != want {
			t.Errorf("%.40q: got %q, want %q", heading, got, want)
		}
	}
}

func TestHeading(t *testing.T) {
	t.Parallel()
	table, err := sheet.Open(strings.NewReader("Name,E-Mail,,Lizenz,id\n"), sheet.Options{Columns: everything})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	h := table.Heading
	if !h.Has(0) || !h.Has(1) || h.Has(3) {
		t.Errorf("got columns %v, want those of UserId and PrimaryEmail, none of LicenseType", h.Columns)
	}
	var unknown []string
	for _, u := range h.Unknown() {
		unknown = append(unknown, u.String())
	}
	if got, want := strings.Join(unknown, ", "), `"Name", "Lizenz" (did you mean LicenseType?)`; got != want {
		t.Errorf("unknown: got %s, want %s", got, want)
	}
}
