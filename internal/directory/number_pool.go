package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/e164"
	"github.com/carillon-project/carillon/internal/store"
)

// The pool has the telephone numbers of the installation: those that AWS accounts can order, and
// those that they have. The operator fills it. A change of available numbers is recorded in the
// trail of every AWS account, since any of them could have ordered them.

// PoolRow is a number for the pool, as somebody has written it. What is empty stays as it is if the
// number is there already; otherwise the number says it, and is for everything.
type PoolRow struct {
	PhoneNumber  string // with the code of its country; blanks, hyphens, dots and parentheses do not matter
	Country      string // two letters
	Type         string // Local or TollFree
	City         string
	State        string
	AreaCode     string
	Capabilities string // names of [api.PhoneNumberCapabilities], "all" or "none"
}

// PoolChange says what became of a number that was to be added to the pool, or removed.
type PoolChange struct {
	Outcome PoolOutcome
	Problem string // of PoolRefused
}

// PoolOutcome is what became of a number.
type PoolOutcome int

const (
	PoolAdded     PoolOutcome = iota // it is new
	PoolChanged                      // it was there, with other facts
	PoolUnchanged                    // it was there already
	PoolRemoved
	PoolRefused
)

// poolChunk is how many numbers go into one update.
const poolChunk = 250

// AddNumbers adds numbers to the pool, or changes what is known of those that nobody owns. The
// result has an entry for each row, up to an error of the store.
func (o *Operator) AddNumbers(ctx context.Context, rows []PoolRow) ([]PoolChange, error) {
	return changePool(ctx, o, opAddNumbers, rows, func(c *change, rows []PoolRow) ([]PoolChange, int, error) {
		results := make([]PoolChange, len(rows))
		var numbers []string
		for _, row := range rows {
			if IsPhoneNumber(row.PhoneNumber) {
				numbers = append(numbers, plainNumber(row.PhoneNumber))
			}
		}
		found, err := c.PoolNumbers(numbers)
		if err != nil {
			return nil, 0, err
		}
		known := make(map[string]store.PoolNumber, len(found))
		for _, n := range found {
			known[n.Number] = n
		}
		changed := make(map[string]store.PoolNumber)
		for i, row := range rows {
			is, there := known[plainNumber(row.PhoneNumber)]
			n, problem := row.number(is)
			switch {
			case problem != "":
				results[i] = PoolChange{PoolRefused, problem}
				continue
			case n == is:
				results[i].Outcome = PoolUnchanged
				continue
			case is.Owner != "":
				results[i] = PoolChange{PoolRefused, fmt.Sprintf("%s belongs to AWS account %s, with other facts, which stay", n.Number, is.Owner)}
				continue
			case there:
				results[i].Outcome = PoolChanged
			}
			known[n.Number], changed[n.Number] = n, n
		}
		return results, len(changed), c.PutPoolNumbers(slices.Collect(maps.Values(changed)))
	})
}

// RemoveNumbers removes numbers that nobody owns from the pool. The result has an entry for each,
// up to an error of the store.
func (o *Operator) RemoveNumbers(ctx context.Context, numbers []string) ([]PoolChange, error) {
	return changePool(ctx, o, opRemoveNumbers, numbers, func(c *change, some []string) ([]PoolChange, int, error) {
		numbers := make([]string, len(some))
		for i, text := range some {
			numbers[i] = plainNumber(text)
		}
		found, err := c.PoolNumbers(numbers)
		if err != nil {
			return nil, 0, err
		}
		known := make(map[string]store.PoolNumber, len(found))
		for _, n := range found {
			known[n.Number] = n
		}
		results := make([]PoolChange, len(numbers))
		var gone []string
		for i, number := range numbers {
			n, there := known[number]
			switch {
			case !there:
				results[i] = PoolChange{PoolRefused, fmt.Sprintf("%.64s is not in the pool", some[i])}
			case n.Owner != "":
				results[i] = PoolChange{PoolRefused, fmt.Sprintf("%s belongs to AWS account %s, which must delete it first", number, n.Owner)}
			default:
				results[i].Outcome = PoolRemoved
				gone = append(gone, number)
				delete(known, number)
			}
		}
		return results, len(gone), c.DeletePoolNumbers(gone)
	})
}

// changePool changes the pool by some rows in each update, of which fn also tells how many numbers
// it has changed.
func changePool[T any](ctx context.Context, o *Operator, op operation, rows []T, fn func(*change, []T) ([]PoolChange, int, error)) ([]PoolChange, error) {
	results := make([]PoolChange, 0, len(rows))
	for some := range slices.Chunk(rows, poolChunk) {
		var done []PoolChange
		err := o.update(ctx, op, func(c *change) (err error) {
			var n int
			if done, n, err = fn(c, some); err != nil || n == 0 {
				return err
			}
			return c.recordPool(document.Member{Key: "PhoneNumbers", Value: document.Int(n)})
		})
		if err != nil {
			return results, err
		}
		results = append(results, done...)
	}
	return results, nil
}

// recordPool records in the trail of each AWS account what was done with numbers that nobody owns.
func (c *change) recordPool(what ...document.Member) error {
	owners, err := c.AWSAccounts()
	for _, owner := range owners {
		c.recordOwned(owner, owner, nil, what)
	}
	return err
}

// number reads a row about a number that is there, or not. problem says what is wrong with the row.
func (r PoolRow) number(is store.PoolNumber) (n store.PoolNumber, problem string) {
	n = store.PoolNumber{
		Number:   plainNumber(r.PhoneNumber),
		Country:  cmp.Or(strings.ToUpper(strings.TrimSpace(r.Country)), is.Country),
		City:     cmp.Or(strings.TrimSpace(r.City), is.City),
		State:    cmp.Or(strings.ToUpper(strings.TrimSpace(r.State)), is.State),
		AreaCode: cmp.Or(strings.TrimSpace(r.AreaCode), is.AreaCode),
		Owner:    is.Owner,
		Failing:  is.Failing,
	}
	if !numberForm().MatchString(n.Number) {
		return n, fmt.Sprintf("%.64q is no phone number: write it with the code of its country, such as +12065550100", r.PhoneNumber)
	}
	country := e164.Country(n.Number)
	switch {
	case n.Country == "" && country == "":
		return n, fmt.Sprintf("the country of %s is not known: begin with the code of the country, as in +12065550100, or name the country", n.Number)
	case n.Country == "":
		n.Country = country
	case !countryCode().MatchString(n.Country):
		return n, fmt.Sprintf("country %.64q is not a code of two letters", r.Country)
	case n.Country != country && (country != "" || e164.Knows(n.Country)):
		return n, fmt.Sprintf("%s is a number of %s, not of %s: begin with the code of the country, as in +12065550100", n.Number, cmp.Or(country, "another country"), n.Country)
	}
	american, code, told := strings.HasPrefix(n.Number, "+1"), e164.AreaCode(n.Number), e164.Type(n.Number)
	if american && code == "" {
		return n, fmt.Sprintf("%s must have 10 digits after the +1", n.Number)
	}
	switch strings.ToLower(strings.NewReplacer("-", "", " ", "", "_", "").Replace(r.Type)) {
	case "":
		n.Type = cmp.Or(is.Type, told)
	case "local":
		n.Type = string(api.PhoneNumberTypeLocal)
	case "tollfree":
		n.Type = string(api.PhoneNumberTypeTollFree)
	default:
		return n, fmt.Sprintf("type %.64q is neither Local nor TollFree", r.Type)
	}
	if american && n.Type != told {
		return n, fmt.Sprintf("%s is a number of type %s, not %s", n.Number, told, n.Type)
	}
	if american {
		if n.AreaCode != "" && n.AreaCode != code {
			return n, fmt.Sprintf("the area code of %s is %s, not %.64s", n.Number, code, n.AreaCode)
		}
		n.AreaCode = code
	}
	if n.Capabilities = is.Capabilities; is.Number == "" || strings.TrimSpace(r.Capabilities) != "" {
		n.Capabilities, problem = capabilities(r.Capabilities)
	}
	return n, problem
}

var (
	numberForm  = pattern(`^\+[1-9][0-9]{6,14}$`)
	countryCode = pattern(`^[A-Z]{2}$`)
)

// IsPhoneNumber reports whether a text is a telephone number with the code of its country, as
// people write it.
func IsPhoneNumber(text string) bool { return numberForm().MatchString(plainNumber(text)) }

// plainNumber is a number as it is kept, of one that people may have written for people.
func plainNumber(text string) string {
	return AsNumber(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \u00A0-.()/", r) {
			return -1
		}
		return r
	}, text))
}

// capabilities reads the names of what a number can be used for.
func capabilities(text string) (c store.Capabilities, problem string) {
	all := capabilityFields(&c)
	names := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;+|", r) })
	if len(names) == 0 {
		names = []string{"all"}
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(f capabilityField) bool { return strings.EqualFold(f.name, name) })
		switch {
		case i >= 0:
			*all[i].has = true
		case strings.EqualFold(name, "all"):
			for _, f := range all {
				*f.has = true
			}
		case !strings.EqualFold(name, "none"):
			var known []string
			for _, f := range all {
				known = append(known, f.name)
			}
			return c, fmt.Sprintf("there is no capability %.64q: use all, none or some of %s", name, strings.Join(known, ", "))
		}
	}
	return c, ""
}

// CheckCapabilities says what is wrong with a list of capabilities, "" if nothing is.
func CheckCapabilities(text string) string {
	_, problem := capabilities(text)
	return problem
}

type capabilityField struct {
	name string
	has  *bool
}

func capabilityFields(c *store.Capabilities) []capabilityField {
	return []capabilityField{
		{"InboundCall", &c.InboundCall},
		{"OutboundCall", &c.OutboundCall},
		{"InboundSMS", &c.InboundSMS},
		{"OutboundSMS", &c.OutboundSMS},
		{"InboundMMS", &c.InboundMMS},
		{"OutboundMMS", &c.OutboundMMS},
	}
}

// PoolQuery selects numbers of the pool; an empty member selects all.
type PoolQuery struct {
	Available bool   // only those that nobody owns
	Owned     bool   // only those that somebody owns
	Owner     string // an AWS account
}

// PoolNumber is a number of the pool as the operator sees it.
type PoolNumber struct {
	PhoneNumber  string
	Country      string
	Type         string
	City         string
	State        string
	AreaCode     string
	Capabilities []string
	AWSAccountID string // who owns it, or empty
	Failing      bool   // its next order fails
}

// Numbers lists the numbers of the pool, in their order. It ends after the first error.
func (o *Operator) Numbers(ctx context.Context, query PoolQuery) iter.Seq2[PoolNumber, error] {
	filter := store.PoolFilter{Available: query.Available, Owned: query.Owned, Owner: query.Owner}
	next := func(tx store.ReadTx, after store.Entry) ([]store.PoolNumber, store.Entry, error) {
		return tx.ListPool(filter, after, lookPage)
	}
	return func(yield func(PoolNumber, error) bool) {
		for n, err := range pages(ctx, o.store, next) {
			one := PoolNumber{PhoneNumber: n.Number, Country: n.Country, Type: n.Type, City: n.City, State: n.State,
				AreaCode: n.AreaCode, Capabilities: []string{}, AWSAccountID: n.Owner, Failing: n.Failing}
			for _, f := range capabilityFields(&n.Capabilities) {
				if *f.has {
					one.Capabilities = append(one.Capabilities, f.name)
				}
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// FailNumber plays the carrier that refuses. Of a number that is available, or being acquired, the
// order fails, once. One that is being deleted is not taken back: its deletion has failed. For the
// id of an order, all that is still being processed of the order fails, now.
func (o *Operator) FailNumber(ctx context.Context, numberOrOrder string) (failure NumberFailure, err error) {
	// Which AWS accounts there are is asked before the update: inside, that would keep all others
	// from ending, and they have locked their numbers by then.
	owners, err := o.awsAccounts(ctx, "")
	if err != nil {
		return failure, err
	}
	err = o.update(ctx, opFailNumber, func(c *change) (err error) {
		if IsPhoneNumber(numberOrOrder) {
			failure.PhoneNumber = plainNumber(numberOrOrder)
			failure.Status, err = c.failNumber(owners, failure.PhoneNumber)
		} else {
			failure.OrderID = numberOrOrder
			failure.Status, err = c.failOrder(owners, numberOrOrder)
		}
		return err
	})
	return failure, err
}

// NumberFailure is what has failed: a number or an order, and its status then. The status of a
// number whose order is to fail is "Failing".
type NumberFailure struct{ PhoneNumber, OrderID, Status string }

// failNumber lets what is under way with a number fail, or what will be.
func (c *change) failNumber(owners []string, number string) (status string, err error) {
	// What keeps updates apart goes from the numbers of an AWS account to those of the pool.
	found, err := c.anyNumber(owners, number)
	if err != nil {
		return "", err
	}
	pool, err := c.PoolNumbers([]string{number})
	if err != nil {
		return "", err
	}
	switch {
	case len(pool) == 0:
		return "", api.Errorf(api.NotFoundException, "Phone number %s is not in the pool", number)
	case pool[0].Owner == "" || found.Status == string(api.PhoneNumberStatusAcquireInProgress):
		if pool[0].Failing {
			return "Failing", nil
		}
		pool[0].Failing = true
		if err := c.recordPool(document.Member{Key: "PhoneNumberId", Value: label(number)}, document.Member{Key: "Failing", Value: true}); err != nil {
			return "", err
		}
		return "Failing", c.PutPoolNumbers(pool)
	case !leaving(found):
		return "", api.Errorf(api.ConflictException, "Phone number %s is %s: nothing is under way with it that could fail", number, found.Status)
	}
	before := found
	found.Updated = c.now
	if found.Status == string(api.PhoneNumberStatusDeleteInProgress) {
		found.Status = string(api.PhoneNumberStatusDeleteFailed)
	} else {
		found.Status = string(api.PhoneNumberStatusReleaseFailed)
	}
	c.recordOwned(found.AWSAccountID, number, numberFields(before), numberFields(found))
	if err := c.DeleteTask(store.Task{AWSAccountID: found.AWSAccountID, Kind: releaseNumber, Target: number}); err != nil {
		return "", err
	}
	return found.Status, c.UpdatePhoneNumbers([]store.PhoneNumber{found})
}

// anyNumber returns a number, whichever AWS account has it; the zero number if none has.
func (c *change) anyNumber(owners []string, number string) (store.PhoneNumber, error) {
	for _, owner := range owners {
		found, err := c.PhoneNumbers(owner, []string{number})
		if err != nil || len(found) > 0 {
			return append(found, store.PhoneNumber{})[0], err
		}
	}
	return store.PhoneNumber{}, nil
}

// failOrder lets what is left of an order fail.
func (c *change) failOrder(owners []string, orderID string) (status string, err error) {
	for _, owner := range owners {
		if _, err := c.PhoneNumbers(owner, nil); err != nil { // see CreatePhoneNumberOrder
			return "", err
		}
		order, err := c.PhoneNumberOrder(owner, orderID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue
		case err != nil:
			return "", err
		case order.Status != string(api.PhoneNumberOrderStatusProcessing):
			return "", api.Errorf(api.ConflictException, "Phone number order %s is %s: it can no longer fail", order.OrderID, order.Status)
		}
		if err := c.DeleteTask(store.Task{AWSAccountID: owner, Kind: fillOrder, Target: order.OrderID}); err != nil {
			return "", err
		}
		return string(api.PhoneNumberOrderStatusFailed), c.endOrder(order, func(store.PoolNumber) bool { return false })
	}
	return "", api.Errorf(api.NotFoundException, "%.64s is neither a phone number with the code of its country nor the id of an order", orderID)
}

// RestrictNumbers keeps an AWS account from numbers of a country for a product; an empty one stands
// for all. Such requests give AccessDenied.
func (o *Operator) RestrictNumbers(ctx context.Context, awsAccountID string, product api.PhoneNumberProductType, country string) error {
	return o.restrictions(ctx, opRestrictNumbers, awsAccountID, product, country, func(c *change, r store.PhoneNumberRestriction, there bool) error {
		if there {
			return nil
		}
		c.recordOwned(awsAccountID, awsAccountID, nil, restrictionFields(r))
		return c.PutPhoneNumberRestriction(r)
	})
}

// UnrestrictNumbers ends what RestrictNumbers began with the same arguments.
func (o *Operator) UnrestrictNumbers(ctx context.Context, awsAccountID string, product api.PhoneNumberProductType, country string) error {
	return o.restrictions(ctx, opUnrestrictNumbers, awsAccountID, product, country, func(c *change, r store.PhoneNumberRestriction, there bool) error {
		if !there {
			return api.Errorf(api.NotFoundException, "AWS account %s is not restricted so: name the product type and the country as when it was", awsAccountID)
		}
		c.recordOwned(awsAccountID, awsAccountID, restrictionFields(r), nil)
		return c.DeletePhoneNumberRestriction(r)
	})
}

func (o *Operator) restrictions(ctx context.Context, op operation, awsAccountID string, product api.PhoneNumberProductType, country string,
	fn func(c *change, r store.PhoneNumberRestriction, there bool) error) error {
	products := []api.PhoneNumberProductType{"", api.PhoneNumberProductTypeBusinessCalling, api.PhoneNumberProductTypeVoiceConnector,
		api.PhoneNumberProductTypeSipMediaApplicationDialIn}
	switch {
	case !isAWSAccountID(awsAccountID):
		return api.BadRequest("The AWS account id %.64q must be 12 digits", awsAccountID)
	case !slices.Contains(products, product):
		return api.BadRequest("There is no product type %.64q: use %s", product, joined(products[1:]))
	case country != "" && !countryCode().MatchString(country):
		return api.BadRequest("The country %.64q must be a code of two letters, such as US", country)
	}
	return o.update(ctx, op, func(c *change) error {
		r := store.PhoneNumberRestriction{AWSAccountID: awsAccountID, ProductType: string(product), Country: country}
		all, err := c.PhoneNumberRestrictions(awsAccountID)
		if err != nil {
			return err
		}
		return fn(c, r, slices.Contains(all, r))
	})
}

func restrictionFields(r store.PhoneNumberRestriction) []document.Member {
	return []document.Member{
		{Key: "ProductType", Value: cmp.Or(r.ProductType, "all")},
		{Key: "Country", Value: cmp.Or(r.Country, "all")},
	}
}
