package importer

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

// members reads the members of one row. A member that is null counts as absent.
type members struct {
	file    *file
	line    int
	problem string // the first one
	notes   []string
	unknown []string // names
}

func (f *file) members(line int) *members {
	return &members{file: f, line: line}
}

// sound reports whether the row can be kept. It passes on the problem of the row, or else what was
// noted about it.
func (m *members) sound() bool {
	if m.problem != "" {
		m.file.problem(m.line, "%s", m.problem)
		return false
	}
	place := m.file.place(m.line)
	for _, text := range m.notes {
		m.file.rows.Notes.Add(place, text)
	}
	for _, name := range m.unknown {
		m.file.dropped(place, name)
	}
	return true
}

func (m *members) note(text string) { m.notes = append(m.notes, text) }

// wrong is a problem of a member.
func (m *members) wrong(name, problem string) {
	if m.problem == "" {
		m.problem = name + " " + problem
	}
}

// absent reports whether a member is null, and notes that.
func (m *members) absent(name string, v any) bool {
	if v != nil {
		return false
	}
	m.note(name + " is null: left out")
	return true
}

func (m *members) text(name string, v any) *string {
	s, ok := v.(string)
	switch {
	case ok && !strings.Contains(s, "\x00"):
		return &s
	case ok:
		m.wrong(name, "holds a NUL character")
	case !m.absent(name, v):
		m.wrong(name, "must be a string")
	}
	return nil
}

func (m *members) flag(name string, v any) *bool {
	is, ok := v.(bool)
	if ok {
		return &is
	}
	if !m.absent(name, v) {
		m.wrong(name, "must be true or false")
	}
	return nil
}

// truth reads a cell, as people and spreadsheets write it.
func (m *members) truth(name, cell string) *bool {
	switch strings.ToLower(cell) {
	case "true", "yes", "1":
		return new(true)
	case "false", "no", "0":
		return new(false)
	}
	m.wrong(name, fmt.Sprintf("is %.40q, not TRUE or FALSE", cell))
	return nil
}

// count reads a whole number. Which ones there can be is decided elsewhere.
func (m *members) count(name string, v any) *int {
	number, ok := v.(document.Number)
	if n := number.Float64(); ok && n == math.Trunc(n) && math.Abs(n) < 1<<31 {
		return new(int(n))
	}
	if !m.absent(name, v) {
		m.wrong(name, "must be a whole number")
	}
	return nil
}

func (m *members) list(name string, v any) []any {
	list, ok := v.([]any)
	if !ok && !m.absent(name, v) {
		m.wrong(name, "must be a list")
	}
	return list
}

func (m *members) object(name string, v any) []document.Member {
	o, ok := v.(*document.Object)
	if ok {
		return o.Members()
	}
	if !m.absent(name, v) {
		m.wrong(name, "must be an object")
	}
	return nil
}

func (m *members) alexa(name string, v any) *api.AlexaForBusinessMetadata {
	alexa := new(api.AlexaForBusinessMetadata)
	for _, member := range m.object(name, v) {
		switch member.Key {
		case "IsAlexaForBusinessEnabled":
			alexa.IsAlexaForBusinessEnabled = m.flag(member.Key, member.Value)
		case "AlexaForBusinessRoomArn":
			alexa.AlexaForBusinessRoomArn = m.text(member.Key, member.Value)
		default:
			m.unknown = append(m.unknown, member.Key)
		}
	}
	return alexa
}

// member reads who is in a room. The name and the address are those of the user, who has them.
func (m *members) member(name string, v any) *api.Member {
	who := new(api.Member)
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "MemberId":
			who.MemberId = m.text(name, v)
		case "MemberType":
			who.MemberType = api.MemberType(orBlank(m.text(name, v)))
		case "AccountId":
			who.AccountId = m.text(name, v)
		case "Email", "FullName":
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return who
}

func (m *members) capabilities(name string, v any) *api.PhoneNumberCapabilities {
	c := new(api.PhoneNumberCapabilities)
	for _, member := range m.object(name, v) {
		at, known := map[string]**bool{
			"InboundCall": &c.InboundCall, "OutboundCall": &c.OutboundCall, "InboundSMS": &c.InboundSMS, "OutboundSMS": &c.OutboundSMS,
			"InboundMMS": &c.InboundMMS, "OutboundMMS": &c.OutboundMMS,
		}[member.Key]
		if !known {
			m.unknown = append(m.unknown, member.Key)
			continue
		}
		*at = m.flag(member.Key, member.Value)
	}
	return c
}

func (m *members) association(name string, v any) (a api.PhoneNumberAssociation) {
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "Name":
			a.Name = api.PhoneNumberAssociationName(orBlank(m.text(name, v)))
		case "Value":
			a.Value = m.text(name, v)
		case "AssociatedTimestamp":
			a.AssociatedTimestamp = m.time(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return a
}

func (m *members) orderedNumber(name string, v any) (n api.OrderedPhoneNumber) {
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "E164PhoneNumber":
			n.E164PhoneNumber = m.text(name, v)
		case "Status":
			n.Status = api.OrderedPhoneNumberStatus(orBlank(m.text(name, v)))
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return n
}

// bucket reads where call detail records go.
func (m *members) bucket(name string, v any) (bucket *string) {
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "CdrBucket":
			bucket = m.text(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return bucket
}

func (m *members) accountSettings(name string, v any) (s api.AccountSettings) {
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "DisableRemoteControl":
			s.DisableRemoteControl = m.flag(name, v)
		case "EnableDialOut":
			s.EnableDialOut = m.flag(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return s
}

func (m *members) retention(name string, v any) *api.RetentionSettings {
	s := new(api.RetentionSettings)
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "RoomRetentionSettings":
			s.RoomRetentionSettings = &api.RoomRetentionSettings{RetentionDays: m.days(name, v)}
		case "ConversationRetentionSettings":
			s.ConversationRetentionSettings = &api.ConversationRetentionSettings{RetentionDays: m.days(name, v)}
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return s
}

// days reads for how long messages are kept.
func (m *members) days(name string, v any) (days *int) {
	for _, member := range m.object(name, v) {
		switch name, v := member.Key, member.Value; name {
		case "RetentionDays":
			days = m.count(name, v)
		default:
			m.unknown = append(m.unknown, name)
		}
	}
	return days
}

// time reads a time in any form that an AWS CLI or SDK has printed: as the API sent it, with an
// offset, with a blank in the middle, without a zone (which means UTC), or as seconds since 1970.
func (m *members) time(name string, v any) time.Time {
	var t time.Time
	var text string
	switch v := v.(type) {
	case string:
		text = v
		iso := strings.Replace(v, " ", "T", 1)
		for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05"} {
			var err error
			if t, err = time.Parse(form, iso); err == nil {
				break
			}
		}
	case document.Number:
		if seconds := v.Float64(); seconds > 0 && seconds < 253402300800 { // the year 10000
			t = time.UnixMilli(int64(math.Round(seconds * 1000)))
		}
	default:
		if !m.absent(name, v) {
			m.wrong(name, "must be a time")
		}
		return t
	}
	t = t.UTC().Truncate(time.Millisecond)
	if t.UnixMilli() <= 0 || t.Year() > 9999 {
		m.wrong(name, fmt.Sprintf("is %.40v, which is not a time such as 2019-01-04T17:11:22.003Z", v))
		return time.Time{}
	}
	if text != api.FormatTime(t) {
		m.note(name + " is listed in UTC with milliseconds")
	}
	return t
}

// orBlank returns "" for an absent text.
func orBlank(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
