// Package policy decides what an access key may do. A policy is the name of a managed one or an
// IAM policy document; [Parse] reads either, [Policy.Allows] answers.
//
// A document may have Version, Id and Statement, and a statement Sid, Effect, Action or NotAction,
// and Resource. Everything else that IAM knows (conditions, principals, variables) is refused when
// the policy is read: to ignore it would be to grant more than was meant.
package policy

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/carillon-project/carillon/internal/document"
)

// The managed policies that AWS published for Chime, reduced to the operations of this API. Of the
// operations of our own, whose actions have the prefix carillon, full access is to all. Whoever may
// list users may also search them, count them and look at bulk jobs: the other two policies allow
// that, and UserManagement that jobs tell of themselves. The audit trail and access keys take full
// access.
const (
	FullAccess     = "AmazonChimeFullAccess"
	ReadOnly       = "AmazonChimeReadOnly"
	UserManagement = "AmazonChimeUserManagement"
)

// Policy says which actions are allowed. The zero value allows nothing. It never changes, and may
// be used concurrently.
type Policy struct {
	statements []statement
}

type statement struct {
	deny      bool
	except    bool     // the statement is about all actions but these
	actions   []string // patterns, in lower case
	spelled   []string // the same as the document has them
	resources []string // patterns
}

// about reports whether the statement is about an action, which is in lower case.
func (s *statement) about(action string) bool {
	named := slices.ContainsFunc(s.actions, func(pattern string) bool { return matches(pattern, action) })
	return named != s.except
}

// Parse reads the name of a managed policy, or a policy document in JSON. If the document is
// malformed, or has something that this package does not support, the error says where.
func Parse(text string) (Policy, error) {
	switch text = strings.TrimSpace(text); {
	case text == FullAccess:
		return managed("chime:*", "carillon:*"), nil
	case text == ReadOnly:
		return managed(append(looking(), "chime:list*", "chime:get*", "chime:describe*", "chime:searchavailablephonenumbers")...), nil
	case text == UserManagement:
		return managed(userManagement()...), nil
	case !strings.HasPrefix(text, "{"):
		return Policy{}, fmt.Errorf("policy %.60q is neither %s, %s or %s nor a policy document in JSON",
			text, FullAccess, ReadOnly, UserManagement)
	}
	if err := checkStrict(text); err != nil {
		return Policy{}, fmt.Errorf("reading the policy document: %w", err)
	}
	v, err := document.Parse(text)
	if err != nil {
		return Policy{}, fmt.Errorf("reading the policy document: %w", err)
	}
	p, err := parseDocument(v.(*document.Object))
	if err != nil {
		return Policy{}, fmt.Errorf("reading the policy document: %w", err)
	}
	return p, nil
}

func managed(actions ...string) Policy {
	return Policy{[]statement{{actions: actions, spelled: actions, resources: []string{"*"}}}}
}

// looking lists the actions of our own that are allowed to whoever may list users.
func looking() []string {
	return []string{"carillon:searchusers", "carillon:countusers", "carillon:listjobs", "carillon:readjob"}
}

// userManagement lists the actions of the published policy that are operations of this API. Its
// other actions belong to the console of Amazon Chime, and allow nothing here. Those of our own are
// beside them.
func userManagement() []string {
	return append(looking(), strings.Fields(`
		chime:associatephonenumberwithuser
		chime:associatesignindelegategroupswithaccount
		chime:batchsuspenduser
		chime:batchunsuspenduser
		chime:batchupdateuser
		chime:createuser
		chime:disassociatephonenumberfromuser
		chime:disassociatesignindelegategroupsfromaccount
		chime:getaccount
		chime:getaccountsettings
		chime:getphonenumber
		chime:getuser
		chime:getusersettings
		chime:inviteusers
		chime:listaccounts
		chime:listphonenumbers
		chime:listusers
		chime:logoutuser
		chime:resetpersonalpin
		chime:updateaccountsettings
		chime:updateuser
		chime:updateusersettings
		carillon:recordjob`)...)
}

// Allows reports whether the policy allows an action ("chime:BatchUpdateUser") on a resource: its
// ARN, or "*" for an action that IAM does not tie to resources. A statement that denies wins over
// all that allow.
func (p Policy) Allows(action, resource string) bool {
	action = strings.ToLower(action)
	allowed := false
	for _, s := range p.statements {
		if !s.about(action) || !matchesAny(s.resources, resource) {
			continue
		}
		if s.deny {
			return false
		}
		allowed = true
	}
	return allowed
}

// Idle names the statements that apply to no account and no user, in words for a person: their
// Resource is an ARN, and only meetings have one. A Deny among them does not deny what it seems to.
func (p Policy) Idle() []string {
	var idle []string
	for i, s := range p.statements {
		dialOut := s.about("chime:createmeetingdialout")
		if matchesAny(s.resources, "*") || dialOut && slices.ContainsFunc(s.resources, isMeeting) {
			continue
		}
		effect := "Allow"
		if s.deny {
			effect = "Deny"
		}
		idle = append(idle, fmt.Sprintf(`statement %d, a %s, applies to no account and no user: they have no ARN, so its Resource must be "*"`, i+1, effect))
	}
	return idle
}

// Unknown returns what the policy says of actions that there are not, as it spells them: patterns
// that match none. A Deny of a misspelled action denies nothing.
func (p Policy) Unknown(actions []string) []string {
	var unknown []string
	for _, s := range p.statements {
		for i, pattern := range s.actions {
			is := func(action string) bool { return matches(pattern, strings.ToLower(action)) }
			if spelled := s.spelled[i]; !slices.ContainsFunc(actions, is) && !slices.Contains(unknown, spelled) {
				unknown = append(unknown, spelled)
			}
		}
	}
	return unknown
}

// isMeeting reports whether a resource is the ARN of a meeting, or a pattern of one.
func isMeeting(resource string) bool {
	parts := strings.SplitN(resource, ":", 6)
	return len(parts) == 6 && strings.HasPrefix(parts[5], "meeting")
}

func matchesAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if matches(p, s) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern, in which * stands for any text and ? for any one byte, matches
// the whole of s. It goes back to the last star only, so its cost is at most the product of the
// lengths.
func matches(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// checkStrict refuses JSON that leaves open what was meant, such as a member given twice.
func checkStrict(text string) error {
	d := jsontext.NewDecoder(bytes.NewReader([]byte(text)))
	if _, err := d.ReadValue(); err != nil {
		return fmt.Errorf("not valid JSON: %s", strings.TrimPrefix(err.Error(), "jsontext: "))
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return fmt.Errorf("more text follows the document, at byte %d", d.InputOffset())
	}
	return nil
}

func parseDocument(o *document.Object) (Policy, error) {
	var p Policy
	for _, m := range o.Members() {
		switch m.Key {
		case "Version":
			if m.Value != "2012-10-17" && m.Value != "2008-10-17" {
				return Policy{}, fmt.Errorf(`the Version must be "2012-10-17" or "2008-10-17"`)
			}
		case "Id":
			if _, ok := m.Value.(string); !ok {
				return Policy{}, fmt.Errorf("the Id must be a string")
			}
		case "Statement":
			list, ok := m.Value.([]any)
			if !ok {
				list = []any{m.Value}
			}
			for i, v := range list {
				where := "Statement"
				if ok {
					where = fmt.Sprintf("Statement[%d]", i)
				}
				s, err := parseStatement(where, v)
				if err != nil {
					return Policy{}, err
				}
				p.statements = append(p.statements, s)
			}
		default:
			return Policy{}, fmt.Errorf("%.60q is not supported: use Version, Id and Statement", m.Key)
		}
	}
	if len(p.statements) == 0 {
		return Policy{}, fmt.Errorf("the Statement is missing or empty")
	}
	return p, nil
}

func parseStatement(where string, v any) (statement, error) {
	o, ok := v.(*document.Object)
	if !ok {
		return statement{}, fmt.Errorf("%s must be an object", where)
	}
	var s statement
	effect := false
	for _, m := range o.Members() {
		var err error
		at := where + "." + m.Key
		switch m.Key {
		case "Sid":
			if _, ok := m.Value.(string); !ok {
				err = fmt.Errorf("%s must be a string", at)
			}
		case "Effect":
			effect, s.deny = true, m.Value == "Deny"
			if !s.deny && m.Value != "Allow" {
				err = fmt.Errorf(`%s must be "Allow" or "Deny"`, at)
			}
		case "Action", "NotAction":
			if s.actions != nil {
				return statement{}, fmt.Errorf("%s must have either Action or NotAction, not both", where)
			}
			s.except = m.Key == "NotAction"
			s.spelled, err = texts(at, m.Value, checkAction)
			for _, action := range s.spelled {
				s.actions = append(s.actions, strings.ToLower(action))
			}
		case "Resource":
			s.resources, err = texts(at, m.Value, checkResource)
		default:
			err = fmt.Errorf("%s has the element %.60q, which is not supported: use Sid, Effect, Action or NotAction, and Resource", where, m.Key)
		}
		if err != nil {
			return statement{}, err
		}
	}
	switch {
	case !effect:
		return statement{}, fmt.Errorf("%s.Effect is missing", where)
	case s.actions == nil:
		return statement{}, fmt.Errorf("%s.Action is missing", where)
	case s.resources == nil:
		return statement{}, fmt.Errorf(`%s.Resource is missing: most actions need "*"`, where)
	}
	return s, nil
}

// texts reads a string or a list of strings, which must not be empty: an empty NotAction would be
// about everything.
func texts(where string, v any, check func(string) string) ([]string, error) {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var out []string
	for i, e := range list {
		at := where
		if isList {
			at = fmt.Sprintf("%s[%d]", where, i)
		}
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("%s must be a string", at)
		}
		if problem := check(s); problem != "" {
			return nil, fmt.Errorf("%s is %.100q, which %s", at, s, problem)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s must not be an empty list", where)
	}
	return out, nil
}

// checkAction says why a text is not an action, "" if it is: "*", or the prefix of a service, a
// colon, and a name. Actions of other services are accepted; nothing here asks for them.
func checkAction(s string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	service, name, ok := strings.Cut(s, ":")
	if s == "*" || ok && service != "" && name != "" &&
		strings.Trim(service, letters) == "" && strings.Trim(name, letters+"_*?") == "" {
		return ""
	}
	return `is not an action such as "chime:GetUser", "chime:List*" or "*"`
}

// checkResource says why a text is not a resource, "" if it is: "*" or an ARN. Accounts and users
// have no ARN. The ARN of a meeting limits CreateMeetingDialOut; for all other operations a
// statement that names an ARN never applies.
func checkResource(s string) string {
	switch {
	case strings.Contains(s, "${"):
		return "has a policy variable; these are not supported"
	case strings.Trim(s, "*") == "" && s != "":
		return ""
	case !strings.HasPrefix(s, "arn:") || strings.Count(s, ":") < 5:
		return `is neither "*" nor an ARN (arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE)`
	}
	return ""
}
