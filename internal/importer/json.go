package importer

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// kind is what a JSON value is, by the name of the member that holds it.
type kind int

const (
	unnamed     kind = iota // at the top, or in a list there
	oneUser                 // "User"
	listedUser              // in "Users"
	anAccount               // "Account", or in "Accounts"
	aRoom                   // "Room", or in "Rooms"
	aMembership             // "RoomMembership", or in "RoomMemberships"
	aBot                    // "Bot", or in "Bots"
	aNumber                 // "PhoneNumber", or in "PhoneNumbers"
	anOrder                 // "PhoneNumberOrder", or in "PhoneNumberOrders"
)

// json reads rows from JSON texts.
func (f *file) json() error {
	f.dec = jsontext.NewDecoder(&f.lines)
	for {
		f.lines.allow(f.dec.InputOffset())
		err := f.value(unnamed)
		syntax, isSyntax := errors.AsType[*jsontext.SyntacticError](err)
		switch {
		case err == nil:
			continue
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return f.cut(f.lines.at(f.lines.read), "the text ends in the middle of a row; the rows before it are complete")
		case errors.Is(err, errLongRow):
			return f.cut(f.lines.at(f.dec.InputOffset()), "%v", errLongRow)
		case errors.Is(err, sheet.ErrUTF16):
			return f.cut(f.lines.at(f.lines.read), "%v", sheet.ErrUTF16)
		case isSyntax && strings.Contains(syntax.Error(), "invalid UTF-8"): // the package exports no such error
			return f.cut(f.lines.at(syntax.ByteOffset), notUTF8)
		case isSyntax:
			return f.cut(f.lines.at(syntax.ByteOffset), "this is not JSON, so the rest of the file is not read: %v", syntax.Err)
		}
		return err
	}
}

// value reads the next value and keeps the rows in it.
func (f *file) value(k kind) error {
	switch f.dec.PeekKind() {
	case '{':
		return f.object(k)
	case '[':
		if _, err := f.dec.ReadToken(); err != nil {
			return err
		}
		// Values without names, as --query makes of a page or of a row, are told of once.
		nameless, told := k == unnamed, false
		for kind := f.dec.PeekKind(); kind != ']'; kind = f.dec.PeekKind() {
			nameless = nameless && strings.ContainsRune("\"0tf", rune(kind))
			if nameless && !told {
				f.problem(f.lines.at(f.dec.InputOffset()), "this is a list of values without names: write them as a table, with the columns userId and email")
				told = true
			}
			var err error
			if nameless {
				_, err = f.dec.ReadValue()
				f.lines.allow(f.dec.InputOffset())
			} else {
				err = f.value(k)
			}
			if err != nil {
				return ended(err)
			}
		}
		_, err := f.dec.ReadToken()
		return err
	}
	v, err := f.dec.ReadValue()
	if err == nil {
		f.problem(f.lines.at(f.dec.InputOffset()-int64(len(v))), "found %.40s where an object was expected, such as an account or a user", v)
	}
	return err
}

// ended turns the end of the text inside a value into an error.
func ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// object reads an object: a row, or what holds rows.
func (f *file) object(k kind) error {
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	start := f.dec.InputOffset() - 1
	f.lines.allow(start)
	line := f.lines.at(start)
	row, page, deep, before := new(document.Object), "", "", f.rows.count()
	for f.dec.PeekKind() != '}' {
		key, err := f.dec.ReadToken()
		if err != nil {
			return ended(err)
		}
		name := key.String()
		inside := unnamed
		if k == unnamed {
			switch name {
			case "Users":
				inside = listedUser
			case "User":
				inside = oneUser
			case "Accounts", "Account":
				inside = anAccount
			case "Rooms", "Room":
				inside = aRoom
			case "RoomMemberships", "RoomMembership":
				inside = aMembership
			case "Bots", "Bot":
				inside = aBot
			case "PhoneNumbers", "PhoneNumber":
				inside = aNumber
			case "PhoneNumberOrders", "PhoneNumberOrder":
				inside = anOrder
			}
		}
		if inside != unnamed {
			page = name
			if err := f.value(inside); err != nil {
				return ended(err)
			}
			f.lines.allow(f.dec.InputOffset())
			continue
		}
		text, err := f.dec.ReadValue()
		if err != nil {
			return ended(err)
		}
		v, err := document.Parse(string(text))
		if err != nil { // the text is JSON, so depth is all that can be wrong
			deep = name
		}
		row.Set(name, v)
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	_, hasUser := row.Get("UserId")
	_, hasAccount := row.Get("AwsAccountId")
	_, hasRoom := row.Get("RoomId")
	_, hasMember := row.Get("Member")
	_, hasBot := row.Get("BotId")
	_, hasNumber := row.Get("PhoneNumberId")
	_, hasOrder := row.Get("PhoneNumberOrderId")
	_, hasCallingName := row.Get("CallingName")
	_, hasNamed := row.Get("CallingNameUpdatedTimestamp")
	_, hasCalling := row.Get("BusinessCalling")
	_, hasConnector := row.Get("VoiceConnector")
	_, hasSettings := row.Get("AccountSettings")
	_, hasRetention := row.Get("RetentionSettings")
	switch {
	case deep != "":
		f.problem(line, "%.64q is nested too deep", deep)
	case k == aBot || k == unnamed && hasBot:
		f.bot(line, row)
	case k == oneUser || k == listedUser || k == unnamed && hasUser:
		f.user(line, row, k)
	case k == aMembership || k == unnamed && hasRoom && hasMember:
		f.membership(line, row)
	case k == aRoom || k == unnamed && hasRoom:
		f.room(line, row)
	case k == aNumber || k == unnamed && hasNumber:
		f.number(line, row)
	case k == anOrder || k == unnamed && hasOrder:
		f.order(line, row)
	case k == unnamed && page == "" && (hasCallingName || hasNamed):
		f.numberSettings(line, row)
	case k == unnamed && page == "" && (hasCalling || hasConnector):
		f.globalSettings(line, row)
	case k == unnamed && page == "" && hasSettings:
		f.accountSettings(line, row)
	case k == unnamed && page == "" && hasRetention:
		f.retentionSettings(line, row)
	case k == anAccount || hasAccount:
		f.account(line, row)
	case page == "":
		f.problem(line, "this %sis nothing that can be imported: see carillon import --help", has(row))
	default:
		f.page(line, page, row, before)
		for _, m := range row.Members() {
			if m.Key != "NextToken" { // of a page that was not the last one
				f.dropped(f.place(line), m.Key)
			}
		}
	}
	return nil
}

// has lists the members of an object for a message.
func has(row *document.Object) string {
	const most = 4
	var names []string
	for _, m := range row.Members()[:min(len(row.Members()), most)] {
		names = append(names, fmt.Sprintf("%.40q", m.Key))
	}
	if names == nil {
		return ""
	}
	return "has " + strings.Join(names, ", ") + ", and "
}

// dropped notes a member that the directory has no place for.
func (f *file) dropped(place, name string) {
	f.rows.Notes.Add(place, fmt.Sprintf("member %.64q is unknown: left out", name))
}

func (f *file) user(line int, row *document.Object, k kind) {
	m := f.members(line)
	var u api.User
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "UserId":
			u.UserId = orBlank(m.text(name, v))
		case "AccountId":
			u.AccountId = m.text(name, v)
		case "PrimaryEmail":
			u.PrimaryEmail = m.text(name, v)
		case "PrimaryProvisionedNumber":
			u.PrimaryProvisionedNumber = m.text(name, v)
		case "DisplayName":
			u.DisplayName = m.text(name, v)
		case "LicenseType":
			u.LicenseType = api.License(orBlank(m.text(name, v)))
		case "UserType":
			u.UserType = api.UserType(orBlank(m.text(name, v)))
		case "UserRegistrationStatus":
			u.UserRegistrationStatus = api.RegistrationStatus(orBlank(m.text(name, v)))
		case "UserInvitationStatus":
			u.UserInvitationStatus = api.InviteStatus(orBlank(m.text(name, v)))
		case "RegisteredOn":
			u.RegisteredOn = m.time(name, v)
		case "InvitedOn":
			u.InvitedOn = m.time(name, v)
		case "AlexaForBusinessMetadata":
			u.AlexaForBusinessMetadata = m.alexa(name, v)
		case "PersonalPIN":
			u.PersonalPIN = m.text(name, v)
			if k == listedUser && u.PersonalPIN != nil {
				m.note("PersonalPIN is kept, but lists do not show it")
			}
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Users = append(f.rows.Users, directory.UserRow{Place: f.place(line), User: u})
	}
}

func (f *file) account(line int, row *document.Object) {
	m := f.members(line)
	var a api.Account
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "AwsAccountId":
			a.AwsAccountId = orBlank(m.text(name, v))
		case "AccountId":
			a.AccountId = orBlank(m.text(name, v))
		case "Name":
			a.Name = orBlank(m.text(name, v))
		case "AccountType":
			a.AccountType = api.AccountType(orBlank(m.text(name, v)))
		case "CreatedTimestamp":
			a.CreatedTimestamp = m.time(name, v)
		case "DefaultLicense":
			a.DefaultLicense = api.License(orBlank(m.text(name, v)))
		case "SupportedLicenses":
			list := m.list(name, v)
			if list != nil { // empty is not missing
				a.SupportedLicenses = []api.License{}
			}
			for _, v := range list {
				a.SupportedLicenses = append(a.SupportedLicenses, api.License(orBlank(m.text(name, v))))
			}
		case "AccountStatus":
			a.AccountStatus = api.AccountStatus(orBlank(m.text(name, v)))
		case "SigninDelegateGroups":
			list := m.list(name, v)
			if list != nil {
				a.SigninDelegateGroups = []api.SigninDelegateGroup{}
			}
			for _, v := range list {
				for _, group := range m.object(name, v) {
					if group.Key == "GroupName" {
						a.SigninDelegateGroups = append(a.SigninDelegateGroups, api.SigninDelegateGroup{GroupName: m.text(group.Key, group.Value)})
					} else {
						m.unknown = append(m.unknown, group.Key)
					}
				}
			}
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Accounts = append(f.rows.Accounts, directory.AccountRow{Place: f.place(line), Account: a})
	}
}

func (f *file) room(line int, row *document.Object) {
	m := f.members(line)
	var r api.Room
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "RoomId":
			r.RoomId = m.text(name, v)
		case "Name":
			r.Name = m.text(name, v)
		case "AccountId":
			r.AccountId = m.text(name, v)
		case "CreatedBy":
			r.CreatedBy = m.text(name, v)
		case "CreatedTimestamp":
			r.CreatedTimestamp = m.time(name, v)
		case "UpdatedTimestamp":
			r.UpdatedTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Rooms = append(f.rows.Rooms, directory.RoomRow{Place: f.place(line), Room: r})
	}
}

func (f *file) membership(line int, row *document.Object) {
	m := f.members(line)
	var r api.RoomMembership
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "RoomId":
			r.RoomId = m.text(name, v)
		case "Member":
			r.Member = m.member(name, v)
		case "Role":
			r.Role = api.RoomMembershipRole(orBlank(m.text(name, v)))
		case "InvitedBy":
			r.InvitedBy = m.text(name, v)
		case "UpdatedTimestamp":
			r.UpdatedTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Memberships = append(f.rows.Memberships, directory.MembershipRow{Place: f.place(line), Membership: r})
	}
}

func (f *file) bot(line int, row *document.Object) {
	m := f.members(line)
	var b api.Bot
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "BotId":
			b.BotId = m.text(name, v)
		case "UserId": // which is the BotId
		case "DisplayName":
			b.DisplayName = m.text(name, v)
		case "BotType":
			b.BotType = api.BotType(orBlank(m.text(name, v)))
		case "Disabled":
			b.Disabled = m.flag(name, v)
		case "CreatedTimestamp":
			b.CreatedTimestamp = m.time(name, v)
		case "UpdatedTimestamp":
			b.UpdatedTimestamp = m.time(name, v)
		case "BotEmail":
			b.BotEmail = m.text(name, v)
		case "SecurityToken":
			b.SecurityToken = m.text(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Bots = append(f.rows.Bots, directory.BotRow{Place: f.place(line), Bot: b})
	}
}

func (f *file) number(line int, row *document.Object) {
	m := f.members(line)
	var n api.PhoneNumber
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "PhoneNumberId":
			n.PhoneNumberId = m.text(name, v)
		case "E164PhoneNumber":
			n.E164PhoneNumber = m.text(name, v)
		case "Country":
			n.Country = m.text(name, v)
		case "Type":
			n.Type = api.PhoneNumberType(orBlank(m.text(name, v)))
		case "ProductType":
			n.ProductType = api.PhoneNumberProductType(orBlank(m.text(name, v)))
		case "Status":
			n.Status = api.PhoneNumberStatus(orBlank(m.text(name, v)))
		case "Capabilities":
			n.Capabilities = m.capabilities(name, v)
		case "Associations":
			for _, v := range m.list(name, v) {
				n.Associations = append(n.Associations, m.association(name, v))
			}
		case "CallingName":
			n.CallingName = m.text(name, v)
		case "CallingNameStatus":
			n.CallingNameStatus = api.CallingNameStatus(orBlank(m.text(name, v)))
		case "CreatedTimestamp":
			n.CreatedTimestamp = m.time(name, v)
		case "UpdatedTimestamp":
			n.UpdatedTimestamp = m.time(name, v)
		case "DeletionTimestamp":
			n.DeletionTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Numbers = append(f.rows.Numbers, directory.NumberRow{Place: f.place(line), Number: n})
	}
}

func (f *file) order(line int, row *document.Object) {
	m := f.members(line)
	var o api.PhoneNumberOrder
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "PhoneNumberOrderId":
			o.PhoneNumberOrderId = m.text(name, v)
		case "ProductType":
			o.ProductType = api.PhoneNumberProductType(orBlank(m.text(name, v)))
		case "Status":
			o.Status = api.PhoneNumberOrderStatus(orBlank(m.text(name, v)))
		case "OrderedPhoneNumbers":
			for _, v := range m.list(name, v) {
				o.OrderedPhoneNumbers = append(o.OrderedPhoneNumbers, m.orderedNumber(name, v))
			}
		case "CreatedTimestamp":
			o.CreatedTimestamp = m.time(name, v)
		case "UpdatedTimestamp":
			o.UpdatedTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.Orders = append(f.rows.Orders, directory.OrderRow{Place: f.place(line), Order: o})
	}
}

func (f *file) numberSettings(line int, row *document.Object) {
	m := f.members(line)
	var s api.GetPhoneNumberSettingsOutput
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "CallingName":
			s.CallingName = m.text(name, v)
		case "CallingNameUpdatedTimestamp":
			s.CallingNameUpdatedTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.NumberSettings = append(f.rows.NumberSettings, directory.NumberSettingsRow{Place: f.place(line), Settings: s})
	}
}

func (f *file) globalSettings(line int, row *document.Object) {
	m := f.members(line)
	var s api.GetGlobalSettingsOutput
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "BusinessCalling":
			s.BusinessCalling = &api.BusinessCallingSettings{CdrBucket: m.bucket(name, v)}
		case "VoiceConnector":
			s.VoiceConnector = &api.VoiceConnectorSettings{CdrBucket: m.bucket(name, v)}
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.GlobalSettings = append(f.rows.GlobalSettings, directory.GlobalSettingsRow{Place: f.place(line), Settings: s})
	}
}

func (f *file) accountSettings(line int, row *document.Object) {
	m := f.members(line)
	var s api.AccountSettings
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "AccountSettings":
			s = m.accountSettings(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.AccountSettings = append(f.rows.AccountSettings, directory.AccountSettingsRow{Place: f.place(line), Settings: s})
	}
}

func (f *file) retentionSettings(line int, row *document.Object) {
	m := f.members(line)
	var s api.GetRetentionSettingsOutput
	for _, member := range row.Members() {
		name, v := member.Key, member.Value
		switch name {
		case "RetentionSettings":
			s.RetentionSettings = m.retention(name, v)
		case "InitiateDeletionTimestamp":
			s.InitiateDeletionTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	if m.sound() {
		f.rows.RetentionSettings = append(f.rows.RetentionSettings, directory.RetentionSettingsRow{Place: f.place(line), Settings: s})
	}
}
