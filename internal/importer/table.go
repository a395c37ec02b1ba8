package importer

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/sheet"
)

// The columns of a table, by their numbers.
const (
	columnID = iota
	columnEmail
	columnAccount
	columnName
	columnLicense
	columnType
	columnRegistration
	columnInvitation
	columnRegisteredOn
	columnInvitedOn
	columnNumber
	columnPIN
	columnAlexaEnabled
	columnAlexaRoom
)

var tableColumns = []sheet.Column{
	columnID: sheet.UserID, columnEmail: sheet.PrimaryEmail, columnAccount: sheet.AccountID, columnName: sheet.DisplayName,
	columnLicense: sheet.LicenseType, columnType: sheet.UserType, columnRegistration: sheet.Registration, columnInvitation: sheet.Invitation,
	columnRegisteredOn: sheet.RegisteredOn, columnInvitedOn: sheet.InvitedOn, columnNumber: sheet.PhoneNumber, columnPIN: sheet.PersonalPIN,
	columnAlexaEnabled: sheet.AlexaEnabled, columnAlexaRoom: sheet.AlexaRoomARN,
}

// table reads users from a table. If the first line has no names, the columns are userId and email.
// How the file begins is for the message about one that is no such table.
func (f *file) table(r io.Reader, start []byte) (err error) {
	t, err := sheet.Open(r, sheet.Options{Columns: sheet.NewColumns(tableColumns...), Sheet: f.rows.Sheet, Comments: true, Headless: isUser})
	if err != nil {
		return f.refused(err)
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	h := t.Heading
	columns := h.Columns
	switch {
	case h.Has(columnID) && h.Has(columnEmail):
		for _, column := range h.Unknown() {
			f.rows.Notes.Add(f.place(h.Line), fmt.Sprintf("column %v is unknown: left out", column))
		}
	case isUser(h.Names):
		columns = []int{columnID, columnEmail}
		f.tableRow(h.Line, columns, h.Names)
	default:
		return f.refuse(h.Line, "%s", other(start))
	}
	if f.rows.Table == "" {
		f.rows.Table = f.name
	}
	if f.rows.Homeless == "" && !h.Has(columnAccount) {
		f.rows.Homeless = f.name
	}
	hidden := 0
	for {
		row, err := t.Next()
		if row.Hidden {
			hidden++
		}
		switch {
		case err == io.EOF:
			for _, remark := range t.Remarks(hidden) {
				f.rows.Notes.Add(f.name, remark)
			}
			return nil
		case err != nil:
			return f.refused(err)
		case row.Problem != "":
			f.problem(row.Line, "%s", row.Problem)
		default:
			f.tableRow(row.Line, columns, row.Cells)
		}
	}
}

// isUser reports whether a first row is that of a table without a heading.
func isUser(cells []string) bool { return len(cells) == 2 && strings.Contains(cells[1], "@") }

// tableRow adds a user. A cell that is empty says nothing, except that a user has an id and an
// address.
func (f *file) tableRow(line int, columns []int, cells []string) {
	m := f.members(line)
	u := api.User{PrimaryEmail: new(string)}
	var alexa api.AlexaForBusinessMetadata
	for i, cell := range cells {
		cell = strings.Clone(strings.TrimSpace(cell))
		if columns[i] < 0 || cell == "" {
			continue
		}
		name := tableColumns[columns[i]].Name
		if sheet.IsFailure(cell) {
			m.wrong(name, fmt.Sprintf("is %.20s, which a spreadsheet says instead of a value", cell))
		}
		switch columns[i] {
		case columnID:
			u.UserId = cell
		case columnEmail:
			u.PrimaryEmail = &cell
		case columnAccount:
			u.AccountId = &cell
		case columnName:
			u.DisplayName = m.text(name, cell)
		case columnLicense:
			u.LicenseType = spelled(cell, api.LicenseBasic, api.LicensePlus, api.LicensePro, api.LicenseProTrial)
		case columnType:
			u.UserType = spelled(cell, api.UserTypePrivateUser, api.UserTypeSharedDevice)
		case columnRegistration:
			u.UserRegistrationStatus = spelled(cell,
				api.RegistrationStatusUnregistered, api.RegistrationStatusRegistered, api.RegistrationStatusSuspended)
		case columnInvitation:
			u.UserInvitationStatus = spelled(cell, api.InviteStatusPending, api.InviteStatusAccepted, api.InviteStatusFailed)
		case columnRegisteredOn:
			u.RegisteredOn = m.time(name, cell)
		case columnInvitedOn:
			u.InvitedOn = m.time(name, cell)
		case columnNumber:
			u.PrimaryProvisionedNumber = &cell
		case columnPIN:
			u.PersonalPIN = &cell
		case columnAlexaEnabled:
			alexa.IsAlexaForBusinessEnabled = m.truth(name, cell)
			u.AlexaForBusinessMetadata = &alexa
		case columnAlexaRoom:
			alexa.AlexaForBusinessRoomArn = m.text(name, cell)
			u.AlexaForBusinessMetadata = &alexa
		}
	}
	if m.sound() {
		f.rows.Users = append(f.rows.Users, directory.UserRow{Place: f.place(line), User: u})
	}
}

// spelled returns the value that a person means, whose case does not matter. What no value is like
// stays as it is.
func spelled[S ~string](cell string, all ...S) S {
	for _, v := range all {
		if strings.EqualFold(cell, string(v)) {
			return v
		}
	}
	return S(cell)
}
