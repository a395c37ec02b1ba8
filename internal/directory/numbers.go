package directory

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Telephone numbers belong to an AWS account as a whole. They come by orders (number_orders.go)
// from the pool of the installation (number_pool.go), can be given to a user (number_users.go), and
// go back to the pool some time after they were deleted:
//
//	AcquireInProgress   ordered
//	Unassigned          to be had by a user
//	Assigned            a user has it
//	DeleteInProgress    deleted, and can be restored, for queueLife
//	ReleaseInProgress   about to go back to the pool
//	DeleteFailed, ReleaseFailed: the operator says that the carrier does not take it back
//
// What of this happens by itself is a task of the scheduler, whose target is the number.

const (
	queueLife  = 7 * 24 * time.Hour // by Amazon Chime's guide
	maxNumbers = 50                 // in a batch or an order, by the texts of the permissions
	numberPage = 50                 // rows of a page; Amazon Chime did not say

	// CallingNameInterval is the least time between two calling names of an AWS account, by
	// Amazon Chime's reference.
	CallingNameInterval = 7 * 24 * time.Hour
)

// NumberRules are the rules for telephone numbers that the operator chooses. The zero value has no
// bounds.
type NumberRules struct {
	Quota               int           // most numbers of an AWS account; 0: any number of them
	OrderDelay          time.Duration // until an order is filled
	CallingNameDelay    time.Duration // until the calling name of a number has changed
	CallingNameInterval time.Duration // least time between two calling names of an AWS account
}

// GetPhoneNumber returns one number of the AWS account.
func (s *Service) GetPhoneNumber(ctx context.Context, in *api.GetPhoneNumberInput) (*api.GetPhoneNumberOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetPhoneNumberOutput, error) {
		n, err := findNumber(tx, caller.AWSAccountID, in.PhoneNumberId)
		if err != nil {
			return nil, err
		}
		return &api.GetPhoneNumberOutput{PhoneNumber: new(showNumber(n))}, nil
	})
}

// ListPhoneNumbers pages through the numbers of the AWS account, those that are deleted and not
// given up yet, too. Voice Connectors and their kind are not part of this API, so no number is
// associated with any. A page may be short, or empty, although others follow: see [store.ReadTx].
func (s *Service) ListPhoneNumbers(ctx context.Context, in *api.ListPhoneNumbersInput) (*api.ListPhoneNumbersOutput, error) {
	if (in.FilterName == "") != (in.FilterValue == nil) {
		return nil, api.BadRequest("FilterName and FilterValue must be given together")
	}
	filter := store.PhoneNumberFilter{Status: string(in.Status), ProductType: string(in.ProductType)}
	value := orEmpty(in.FilterValue)
	none := in.FilterName != "" && value == ""
	switch in.FilterName {
	case "":
	case api.PhoneNumberAssociationNameAccountId:
		filter.AccountID = value
	case api.PhoneNumberAssociationNameUserId:
		filter.UserID = value
	default:
		none = true
	}
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListPhoneNumbersOutput, error) {
		list := s.listing("ListPhoneNumbers", caller.AWSAccountID, filter.Status, filter.ProductType, string(in.FilterName), value)
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		out := &api.ListPhoneNumbersOutput{PhoneNumbers: []api.PhoneNumber{}}
		if none {
			return out, nil
		}
		numbers, next, err := tx.ListPhoneNumbers(caller.AWSAccountID, filter, after, pageSize(in.MaxResults, numberPage))
		if err != nil {
			return nil, err
		}
		out.NextToken = list.token(next)
		for _, n := range numbers {
			out.PhoneNumbers = append(out.PhoneNumbers, showNumber(n))
		}
		return out, nil
	})
}

// UpdatePhoneNumber changes the product type or the calling name of a number. What it has already
// changes nothing, whatever its state.
func (s *Service) UpdatePhoneNumber(ctx context.Context, in *api.UpdatePhoneNumberInput) (*api.UpdatePhoneNumberOutput, error) {
	return write(ctx, s, opUpdatePhoneNumber, func(c *change) (*api.UpdatePhoneNumberOutput, error) {
		numbers, err := c.numbers([]string{in.PhoneNumberId})
		if err != nil {
			return nil, err
		}
		if refused := numbers.update(in.PhoneNumberId, in.ProductType, in.CallingName); refused != nil {
			return nil, exception(refused)
		}
		return &api.UpdatePhoneNumberOutput{PhoneNumber: new(showNumber(numbers.of(in.PhoneNumberId).after))}, numbers.save(s.options)
	})
}

// BatchUpdatePhoneNumber does what UpdatePhoneNumber does for several numbers, in order. Items that
// break a rule are reported, and the others are applied.
func (s *Service) BatchUpdatePhoneNumber(ctx context.Context, in *api.BatchUpdatePhoneNumberInput) (*api.BatchUpdatePhoneNumberOutput, error) {
	ids := make([]string, len(in.UpdatePhoneNumberRequestItems))
	for i, item := range in.UpdatePhoneNumberRequestItems {
		ids[i] = item.PhoneNumberId
	}
	failed, err := s.numberBatch(ctx, opBatchUpdatePhoneNumber, "UpdatePhoneNumberRequestItems", ids, func(numbers *numberChanges, i int) *rules.Refusal {
		item := in.UpdatePhoneNumberRequestItems[i]
		return numbers.update(item.PhoneNumberId, item.ProductType, item.CallingName)
	})
	if err != nil {
		return nil, err
	}
	return &api.BatchUpdatePhoneNumberOutput{PhoneNumberErrors: failed}, nil
}

// DeletePhoneNumber puts a number that no user has into the queue of those that are given up. One
// that is there stays as it is.
func (s *Service) DeletePhoneNumber(ctx context.Context, in *api.DeletePhoneNumberInput) (*api.DeletePhoneNumberOutput, error) {
	return write(ctx, s, opDeletePhoneNumber, func(c *change) (*api.DeletePhoneNumberOutput, error) {
		numbers, err := c.numbers([]string{in.PhoneNumberId})
		if err != nil {
			return nil, err
		}
		if refused := numbers.delete(in.PhoneNumberId); refused != nil {
			return nil, exception(refused)
		}
		return &api.DeletePhoneNumberOutput{}, numbers.save(s.options)
	})
}

// BatchDeletePhoneNumber does what DeletePhoneNumber does for several numbers.
func (s *Service) BatchDeletePhoneNumber(ctx context.Context, in *api.BatchDeletePhoneNumberInput) (*api.BatchDeletePhoneNumberOutput, error) {
	failed, err := s.numberBatch(ctx, opBatchDeletePhoneNumber, "PhoneNumberIds", in.PhoneNumberIds, func(numbers *numberChanges, i int) *rules.Refusal {
		return numbers.delete(in.PhoneNumberIds[i])
	})
	if err != nil {
		return nil, err
	}
	return &api.BatchDeletePhoneNumberOutput{PhoneNumberErrors: failed}, nil
}

// RestorePhoneNumber takes a number out of the queue, with its product type and calling name. That
// also goes for one whose deletion has failed. The quota is for it as for one that is ordered.
func (s *Service) RestorePhoneNumber(ctx context.Context, in *api.RestorePhoneNumberInput) (*api.RestorePhoneNumberOutput, error) {
	return write(ctx, s, opRestorePhoneNumber, func(c *change) (*api.RestorePhoneNumberOutput, error) {
		numbers, err := c.numbers([]string{in.PhoneNumberId})
		if err != nil {
			return nil, err
		}
		n := numbers.of(in.PhoneNumberId)
		switch {
		case n == nil:
			return nil, exception(noNumber(in.PhoneNumberId))
		case n.after.Deleted.IsZero():
			return nil, api.BadRequest("Phone number %s is not deleted, it is %s", n.after.Number, n.after.Status)
		case n.after.Status == string(api.PhoneNumberStatusReleaseInProgress):
			return nil, api.BadRequest("Phone number %s is being released, and can no longer be restored", n.after.Number)
		}
		if err := c.withinQuota(s.options, 1); err != nil {
			return nil, err
		}
		n.after.Status, n.after.Deleted, n.after.Updated = string(api.PhoneNumberStatusUnassigned), time.Time{}, c.now
		return &api.RestorePhoneNumberOutput{PhoneNumber: new(showNumber(n.after))}, numbers.save(s.options)
	})
}

// numberBatch decides about items that name numbers, in order, each as the items before it have
// left the number, and applies what was granted. It returns an entry for each item that was
// refused, with the id as it was sent.
func (s *Service) numberBatch(ctx context.Context, op operation, list string, ids []string, decide func(*numberChanges, int) *rules.Refusal) ([]api.PhoneNumberError, error) {
	if len(ids) > maxNumbers {
		return nil, api.BadRequest("%s has %d items, and may have %d at most", list, len(ids), maxNumbers)
	}
	return write(ctx, s, op, func(c *change) ([]api.PhoneNumberError, error) {
		numbers, err := c.numbers(ids)
		if err != nil {
			return nil, err
		}
		failed := []api.PhoneNumberError{}
		for i, id := range ids {
			refused := s.options.Refuse(ctx, Item{Operation: op.name, ID: id})
			if refused == nil {
				refused = decide(numbers, i)
			}
			if refused != nil {
				failed = append(failed, api.PhoneNumberError{PhoneNumberId: new(id), ErrorCode: refused.Code, ErrorMessage: new(refused.Message)})
			}
		}
		return failed, numbers.save(s.options)
	})
}

// numberChanges are numbers of the caller's AWS account while a request works on them.
type numberChanges struct {
	change *change
	byID   map[string]*numberChange
	order  []*numberChange // as they were entered
}

// numberChange is a number as it is in the store, and as a request has changed it so far.
type numberChange struct{ before, after store.PhoneNumber }

// numbers reads the numbers that some ids name.
func (c *change) numbers(ids []string) (*numberChanges, error) {
	wanted := make([]string, len(ids))
	for i, id := range ids {
		wanted[i] = AsNumber(id)
	}
	found, err := c.PhoneNumbers(c.caller.AWSAccountID, wanted)
	if err != nil {
		return nil, err
	}
	numbers := &numberChanges{change: c, byID: make(map[string]*numberChange, len(found))}
	for _, n := range found {
		one := &numberChange{n, n}
		numbers.byID[n.Number] = one
		numbers.order = append(numbers.order, one)
	}
	return numbers, nil
}

// of returns the number that an id names, or nil.
func (x *numberChanges) of(id string) *numberChange { return x.byID[AsNumber(id)] }

// update changes the product type or the calling name of a number, or refuses to. A calling name
// takes effect later.
func (x *numberChanges) update(id string, product api.PhoneNumberProductType, callingName *string) *rules.Refusal {
	n := x.of(id)
	switch {
	case n == nil:
		return noNumber(id)
	case product != "" && callingName != nil:
		return refusal(api.ErrorCodeBadRequest, "Give one of ProductType and CallingName: they are changed one at a time")
	case product != "" && string(product) != n.after.ProductType:
		if refused := settled(n.after); refused != nil {
			return refused
		}
		if n.after.Status == string(api.PhoneNumberStatusAssigned) {
			return refusal(api.ErrorCodeConflict, "The product type of phone number %s cannot change while a user has it", n.after.Number)
		}
		if problem := unfit(product, n.after.Country, n.after.Type); problem != "" {
			return refusal(api.ErrorCodeBadRequest, "Phone number %s: %s", n.after.Number, problem)
		}
		n.after.ProductType, n.after.Updated = string(product), x.change.now
	case callingName != nil && *callingName != n.after.CallingName:
		if refused := settled(n.after); refused != nil {
			return refused
		}
		if n.after.CallingNameStatus == string(api.CallingNameStatusUpdateInProgress) {
			return refusal(api.ErrorCodeConflict, "The calling name of phone number %s is being updated: change it again later", n.after.Number)
		}
		n.after.CallingName, n.after.CallingNameStatus = *callingName, string(api.CallingNameStatusUpdateInProgress)
		n.after.Updated = x.change.now
	}
	return nil
}

// usable reports whether a number is there to be used: it is on its way neither to the AWS account
// nor away from it.
func usable(n store.PhoneNumber) bool {
	return n.Status == string(api.PhoneNumberStatusUnassigned) || n.Status == string(api.PhoneNumberStatusAssigned)
}

// settled refuses to change a number that is not usable.
func settled(n store.PhoneNumber) *rules.Refusal {
	if !usable(n) {
		return refusal(api.ErrorCodeConflict, "Phone number %s is %s, and cannot be changed", n.Number, n.Status)
	}
	return nil
}

// delete puts a number into the queue, or refuses to. A deletion that failed is tried anew.
func (x *numberChanges) delete(id string) *rules.Refusal {
	n := x.of(id)
	if n == nil {
		return noNumber(id)
	}
	switch api.PhoneNumberStatus(n.after.Status) {
	case api.PhoneNumberStatusDeleteInProgress, api.PhoneNumberStatusReleaseInProgress:
		return nil
	case api.PhoneNumberStatusAcquireInProgress:
		return refusal(api.ErrorCodeBadRequest, "Phone number %s is being acquired: delete it when it is there", n.after.Number)
	case api.PhoneNumberStatusAssigned:
		return refusal(api.ErrorCodePhoneNumberAssociationsExist, "Phone number %s is associated with a user: disassociate it first", n.after.Number)
	}
	n.after.Status = string(api.PhoneNumberStatusDeleteInProgress)
	n.after.Deleted, n.after.Updated = x.change.now, x.change.now
	return nil
}

// save writes how numbers have changed, with a record for each that has, and schedules what is to
// follow from it.
func (x *numberChanges) save(o Options) error {
	c := x.change
	var changed []store.PhoneNumber
	for _, n := range x.order {
		if n.after == n.before {
			continue
		}
		changed = append(changed, n.after)
		c.recordOwned(n.after.AWSAccountID, n.after.Number, numberFields(n.before), numberFields(n.after))
		for _, follows := range []struct {
			kind   string
			before bool // it was to follow already
			after  bool
			due    time.Time
		}{
			{finishCallingName, naming(n.before), naming(n.after), c.now.Add(o.Numbers.CallingNameDelay)},
			{releaseNumber, leaving(n.before), leaving(n.after), n.after.Deleted.Add(queueLife)},
		} {
			t := store.Task{AWSAccountID: n.after.AWSAccountID, Kind: follows.kind, Target: n.after.Number, Due: follows.due}
			var err error
			switch {
			case follows.after && !follows.before:
				err = c.schedule(t)
			case follows.before && !follows.after:
				err = c.DeleteTask(t)
			}
			if err != nil {
				return err
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return c.UpdatePhoneNumbers(changed)
}

// naming reports whether the calling name of a number has yet to take effect.
func naming(n store.PhoneNumber) bool {
	return n.CallingNameStatus == string(api.CallingNameStatusUpdateInProgress)
}

// leaving reports whether a number is in the queue of those that are given up.
func leaving(n store.PhoneNumber) bool {
	return n.Status == string(api.PhoneNumberStatusDeleteInProgress) || n.Status == string(api.PhoneNumberStatusReleaseInProgress)
}

// finishCallingName is the kind of the tasks by which a calling name takes effect.
const finishCallingName = "FinishCallingName"

func (c *change) finishCallingName(t store.Task) (again time.Time, err error) {
	n, err := c.numberOf(t)
	if err != nil || !naming(n) {
		return again, err
	}
	before := n
	n.CallingNameStatus, n.Updated = string(api.CallingNameStatusUpdateSucceeded), c.now
	if n.CallingName == "" {
		n.CallingNameStatus = string(api.CallingNameStatusUnassigned)
	}
	c.recordOwned(n.AWSAccountID, n.Number, numberFields(before), numberFields(n))
	return again, c.UpdatePhoneNumbers([]store.PhoneNumber{n})
}

// releaseNumber is the kind of the tasks by which a number leaves the queue: it is released, and
// then it can be ordered again, by anybody.
const releaseNumber = "ReleasePhoneNumber"

func (c *change) releaseNumber(t store.Task) (again time.Time, err error) {
	n, err := c.numberOf(t)
	if err != nil || !leaving(n) {
		return again, err
	}
	before := n
	if n.Status == string(api.PhoneNumberStatusDeleteInProgress) {
		n.Status, n.Updated = string(api.PhoneNumberStatusReleaseInProgress), c.now
		c.recordOwned(n.AWSAccountID, n.Number, numberFields(before), numberFields(n))
		return c.now, c.UpdatePhoneNumbers([]store.PhoneNumber{n})
	}
	c.recordOwned(n.AWSAccountID, n.Number, numberFields(n), nil)
	return again, c.toPool(n)
}

// lockNumbers keeps other updates from the numbers of the AWS account of a task.
func (c *change) lockNumbers(t store.Task) error {
	_, err := c.PhoneNumbers(t.AWSAccountID, nil)
	return err
}

// numberOf returns the number that a task is about; the zero number if it is gone.
func (c *change) numberOf(t store.Task) (store.PhoneNumber, error) {
	found, err := c.PhoneNumbers(t.AWSAccountID, []string{t.Target})
	if err != nil || len(found) == 0 {
		return store.PhoneNumber{}, err
	}
	return found[0], nil
}

// toPool takes a number from its AWS account, and lets it be ordered.
func (c *change) toPool(n store.PhoneNumber) error {
	pool, err := c.PoolNumbers([]string{n.Number})
	if err != nil {
		return err
	}
	for i := range pool {
		pool[i].Owner = ""
	}
	if err := c.PutPoolNumbers(pool); err != nil {
		return err
	}
	return c.DeletePhoneNumbers([]store.PhoneNumber{n})
}

// withinQuota refuses more numbers than the AWS account may have. Those in the queue do not count.
func (c *change) withinQuota(o Options, more int) error {
	if o.Numbers.Quota == 0 || more == 0 {
		return nil
	}
	n, err := c.CountPhoneNumbers(c.caller.AWSAccountID)
	if err == nil && n+more > o.Numbers.Quota {
		err = api.Errorf(api.ResourceLimitExceededException, "The AWS account has %d phone numbers, and can have %d at most: %d more are too many",
			n, o.Numbers.Quota, more)
	}
	return err
}

func findNumber(tx store.ReadTx, awsAccountID, id string) (store.PhoneNumber, error) {
	found, err := tx.PhoneNumbers(awsAccountID, []string{AsNumber(id)})
	if err != nil {
		return store.PhoneNumber{}, err
	}
	if len(found) == 0 {
		return store.PhoneNumber{}, exception(noNumber(id))
	}
	return found[0], nil
}

func noNumber(id string) *rules.Refusal {
	return refusal(api.ErrorCodeNotFound, "Phone number %.64s was not found in the AWS account", id)
}

// AsNumber returns the number that an id names. Amazon Chime's own examples write ids with a plus
// sign, and with its percent-encoding, in paths and in bodies.
func AsNumber(id string) string {
	if len(id) >= 3 && strings.EqualFold(id[:3], "%2B") {
		id = "+" + id[3:]
	}
	if id != "" && strings.Trim(id, "0123456789") == "" {
		id = "+" + id
	}
	return id
}

func showNumber(n store.PhoneNumber) api.PhoneNumber {
	out := api.PhoneNumber{
		PhoneNumberId:   new("%2B" + n.Number[1:]),
		E164PhoneNumber: new(n.Number),
		Country:         orNil(n.Country),
		Type:            api.PhoneNumberType(n.Type),
		ProductType:     api.PhoneNumberProductType(n.ProductType),
		Status:          api.PhoneNumberStatus(n.Status),
		Capabilities: &api.PhoneNumberCapabilities{
			InboundCall:  new(n.Capabilities.InboundCall),
			OutboundCall: new(n.Capabilities.OutboundCall),
			InboundSMS:   new(n.Capabilities.InboundSMS),
			OutboundSMS:  new(n.Capabilities.OutboundSMS),
			InboundMMS:   new(n.Capabilities.InboundMMS),
			OutboundMMS:  new(n.Capabilities.OutboundMMS),
		},
		Associations:      []api.PhoneNumberAssociation{},
		CallingName:       orNil(n.CallingName),
		CallingNameStatus: api.CallingNameStatus(n.CallingNameStatus),
		CreatedTimestamp:  n.Created,
		UpdatedTimestamp:  n.Updated,
		DeletionTimestamp: n.Deleted,
	}
	if n.UserID != "" {
		for _, a := range []struct {
			name  api.PhoneNumberAssociationName
			value string
		}{
			{api.PhoneNumberAssociationNameAccountId, n.AccountID},
			{api.PhoneNumberAssociationNameUserId, n.UserID},
		} {
			out.Associations = append(out.Associations, api.PhoneNumberAssociation{Name: a.name, Value: new(a.value), AssociatedTimestamp: n.Associated})
		}
	}
	return out
}

func numberFields(n store.PhoneNumber) []document.Member {
	return []document.Member{
		{Key: "PhoneNumberId", Value: label(n.Number)},
		{Key: "Country", Value: n.Country},
		{Key: "Type", Value: n.Type},
		{Key: "ProductType", Value: n.ProductType},
		{Key: "Status", Value: n.Status},
		{Key: "AccountId", Value: n.AccountID},
		{Key: "UserId", Value: n.UserID},
		{Key: "AssociatedTimestamp", Value: stampOf(n.Associated)},
		{Key: "CallingName", Value: n.CallingName},
		{Key: "CallingNameStatus", Value: n.CallingNameStatus},
		{Key: "CreatedTimestamp", Value: stampOf(n.Created)},
		{Key: "DeletionTimestamp", Value: stampOf(n.Deleted)},
	}
}

// GetPhoneNumberSettings returns the default calling name of the AWS account.
func (s *Service) GetPhoneNumberSettings(ctx context.Context, _ *api.GetPhoneNumberSettingsInput) (*api.GetPhoneNumberSettingsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetPhoneNumberSettingsOutput, error) {
		p, err := tx.PhoneNumberSettings(caller.AWSAccountID)
		if err != nil {
			return nil, err
		}
		return &api.GetPhoneNumberSettingsOutput{CallingName: orNil(p.CallingName), CallingNameUpdatedTimestamp: p.CallingNameUpdated}, nil
	})
}

// UpdatePhoneNumberSettings sets the default calling name of the AWS account, which can only be
// done again after a time. An empty one is none. The name that it has already changes nothing.
func (s *Service) UpdatePhoneNumberSettings(ctx context.Context, in *api.UpdatePhoneNumberSettingsInput) (*api.UpdatePhoneNumberSettingsOutput, error) {
	return write(ctx, s, opUpdatePhoneNumberSettings, func(c *change) (*api.UpdatePhoneNumberSettingsOutput, error) {
		before, err := c.PhoneNumberSettings(c.caller.AWSAccountID)
		if err != nil || in.CallingName == before.CallingName {
			return &api.UpdatePhoneNumberSettingsOutput{}, err
		}
		if next := before.CallingNameUpdated.Add(s.options.Numbers.CallingNameInterval); !before.CallingNameUpdated.IsZero() && c.now.Before(next) {
			return nil, api.BadRequest("The calling name of the AWS account was changed at %s, and cannot be changed again before %s",
				api.FormatTime(before.CallingNameUpdated), api.FormatTime(next))
		}
		after := store.PhoneNumberSettings{CallingName: in.CallingName, CallingNameUpdated: c.now}
		c.recordOwned(c.caller.AWSAccountID, c.caller.AWSAccountID, numberSettingsFields(before), numberSettingsFields(after))
		return &api.UpdatePhoneNumberSettingsOutput{}, c.PutPhoneNumberSettings(c.caller.AWSAccountID, after)
	})
}

func numberSettingsFields(p store.PhoneNumberSettings) []document.Member {
	return []document.Member{
		{Key: "CallingName", Value: p.CallingName},
		{Key: "CallingNameUpdatedTimestamp", Value: stampOf(p.CallingNameUpdated)},
	}
}

// restricted refuses an AWS account what the operator keeps from it: numbers of a country for a
// product. An empty product or country is asked about where it does not matter.
func restricted(tx store.ReadTx, awsAccountID string, product api.PhoneNumberProductType, countries ...string) error {
	all, err := tx.PhoneNumberRestrictions(awsAccountID)
	if err != nil {
		return err
	}
	for _, country := range countries {
		if !permitted(all, product, country) {
			what := "phone numbers"
			if country != "" {
				what += " of country " + country
			}
			if product != "" {
				what += " for " + string(product)
			}
			return api.Errorf(api.AccessDeniedException, "The AWS account may not use %s", what)
		}
	}
	return nil
}

// permitted reports whether no restriction is about all numbers of a country for a product.
func permitted(all []store.PhoneNumberRestriction, product api.PhoneNumberProductType, country string) bool {
	for _, r := range all {
		if (r.ProductType == "" || r.ProductType == string(product)) && (r.Country == "" || r.Country == country) {
			return false
		}
	}
	return true
}

// ignoreMissing takes a record that is gone for no error.
func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
