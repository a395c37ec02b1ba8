package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/e164"
	"github.com/carillon-project/carillon/internal/store"
)

// NumberRow is a telephone number to import. Members that the file does not have are absent.
type NumberRow struct {
	Place  string // where it was found
	Number api.PhoneNumber
}

// OrderRow is an order of telephone numbers to import.
type OrderRow struct {
	Place string // where it was found
	Order api.PhoneNumberOrder
}

// NumberSettingsRow are the settings of an AWS account for its telephone numbers, to import.
type NumberSettingsRow struct {
	Place    string // where they were found
	Settings api.GetPhoneNumberSettingsOutput
}

// Numbers imports telephone numbers, which then belong to an AWS account: no list says to which,
// see [ImportOptions]. A number that a user has goes to that user, who must be imported or in the
// store. Like [Import.Users] it has an entry for each row. The quota is for new numbers.
func (im *Import) Numbers(ctx context.Context, rows []NumberRow) ([]ImportedRow, error) {
	owner, err := im.awsAccount(ctx)
	if err != nil {
		return nil, err
	}
	return inChunks(ctx, im, rows, func(k *chunk, row NumberRow) (ImportedRow, error) { return k.number(owner, row) })
}

// NumberOrders imports orders of telephone numbers, which are listed the newest first.
func (im *Import) NumberOrders(ctx context.Context, rows []OrderRow) ([]ImportedRow, error) {
	owner, err := im.awsAccount(ctx)
	if err != nil {
		return nil, err
	}
	oldestFirst := slices.Clone(rows)
	slices.Reverse(oldestFirst)
	done, err := inChunks(ctx, im, oldestFirst, func(k *chunk, row OrderRow) (ImportedRow, error) { return k.order(owner, row) })
	if err != nil {
		return nil, err
	}
	slices.Reverse(done)
	return done, nil
}

// NumberSettings imports settings of the AWS account that the numbers belong to.
func (im *Import) NumberSettings(ctx context.Context, rows []NumberSettingsRow) ([]ImportedRow, error) {
	owner, err := im.awsAccount(ctx)
	if err != nil {
		return nil, err
	}
	return inChunks(ctx, im, rows, func(k *chunk, row NumberSettingsRow) (ImportedRow, error) { return k.numberSettings(owner, row) })
}

// number decides about one row, and adds what is new.
func (k *chunk) number(owner string, row NumberRow) (result ImportedRow, err error) {
	r := row.Number
	number := AsNumber(orEmpty(r.E164PhoneNumber))
	if number == "" {
		number = AsNumber(orEmpty(r.PhoneNumberId))
	}
	if problem := badNumber(number, r); problem != "" {
		return badRow("%s", problem), nil
	}
	n := store.PhoneNumber{AWSAccountID: owner, Number: number}
	fillNumber(&n, r)
	for _, seen := range []seen{k.seen, k.of.seen} {
		if earlier, again := seen.numbers[number]; again {
			return knownNumber(earlier.value, r, "is already in "+earlier.place, RowBad), nil
		}
	}
	kept, there, stored, err := k.keptNumber(owner, number)
	switch {
	case err != nil:
		return result, err
	case there && lacking(kept, r):
		return k.fillIn(kept, stored, row)
	case there:
		k.seen.numbers[number] = placed[store.PhoneNumber]{kept, row.Place}
		return knownNumber(kept, r, "is in the store", RowDiffers), nil
	}
	pool, err := k.poolNumber(n)
	if err != nil {
		return result, err
	}
	if pool.Owner != "" {
		return badRow("phone number %s belongs to AWS account %s", number, pool.Owner), nil
	}
	if err := k.completeNumber(&n, r, &result); err != nil {
		return result, err
	}
	if err := k.addNumber(&n, pool); err != nil {
		return result, err
	}
	if leaving(n) {
		t := store.Task{AWSAccountID: owner, Kind: releaseNumber, Target: number, Due: n.Deleted.Add(queueLife)}
		if err := k.change.schedule(t); err != nil {
			return result, err
		}
	}
	k.change.recordOwned(owner, number, nil, numberFields(n))
	k.seen.numbers[number] = placed[store.PhoneNumber]{n, row.Place}
	return result, nil
}

// keptNumber finds a number that an AWS account has already. there is false if it has not. stored
// is false for one that a dry run has found with a user.
func (k *chunk) keptNumber(owner, number string) (n store.PhoneNumber, there, stored bool, err error) {
	kept, err := k.change.PhoneNumbers(owner, []string{number})
	if err != nil {
		return n, false, false, err
	}
	if len(kept) > 0 {
		return kept[0], true, true, nil
	}
	for _, seen := range []seen{k.seen, k.of.seen} {
		if n, there = seen.claimed[number]; there && n.AWSAccountID == owner {
			return n, true, false, nil
		}
	}
	return n, false, false, nil
}

// poolNumber returns what the pool has of a number, or else what it is to have.
func (k *chunk) poolNumber(n store.PhoneNumber) (store.PoolNumber, error) {
	pool, err := k.change.PoolNumbers([]string{n.Number})
	if err == nil && len(pool) > 0 {
		return pool[0], nil
	}
	return store.PoolNumber{Number: n.Number, AreaCode: e164.AreaCode(n.Number)}, err
}

// addNumber adds a number to its AWS account, with its place in the pool.
func (k *chunk) addNumber(n *store.PhoneNumber, pool store.PoolNumber) error {
	pool.Owner, pool.Country, pool.Type, pool.Capabilities = n.AWSAccountID, n.Country, n.Type, n.Capabilities
	if err := k.change.PutPoolNumbers([]store.PoolNumber{pool}); err != nil {
		return err
	}
	added := []store.PhoneNumber{*n}
	err := k.change.InsertPhoneNumbers(added)
	*n = added[0]
	return err
}

// lacking reports whether a row tells what is not known of a number that somebody has: anything but
// that a user has it, or since when.
func lacking(kept store.PhoneNumber, r api.PhoneNumber) bool {
	return kept.Status == string(api.PhoneNumberStatusAssigned) &&
		(onlyClaimed(kept) || kept.Associated.IsZero() && !associatedSince(kept, r).IsZero())
}

// onlyClaimed reports whether a number is known by the user who has it alone.
func onlyClaimed(n store.PhoneNumber) bool { return n.Created.IsZero() && n.OrderID == "" }

// associatedSince says since when the user who has a number has had it, if a row tells.
func associatedSince(n store.PhoneNumber, r api.PhoneNumber) (since time.Time) {
	for _, a := range r.Associations {
		if a.Name == api.PhoneNumberAssociationNameUserId && orEmpty(a.Value) == n.UserID {
			since = a.AssociatedTimestamp
		}
	}
	return since
}

// fillIn gives a number what its row tells, and leaves it with the user who has it.
func (k *chunk) fillIn(kept store.PhoneNumber, stored bool, row NumberRow) (result ImportedRow, err error) {
	r := row.Number
	n := kept
	n.Associated = associatedSince(kept, r)
	if onlyClaimed(kept) {
		r.Status, r.DeletionTimestamp = api.PhoneNumberStatusAssigned, time.Time{}
		r.Associations = []api.PhoneNumberAssociation{
			{Name: api.PhoneNumberAssociationNameAccountId, Value: &kept.AccountID},
			{Name: api.PhoneNumberAssociationNameUserId, Value: &kept.UserID, AssociatedTimestamp: n.Associated},
		}
		n = store.PhoneNumber{AWSAccountID: kept.AWSAccountID, Number: kept.Number}
		fillNumber(&n, r)
		if err := k.completeNumber(&n, r, &result); err != nil {
			return result, err
		}
	}
	k.seen.numbers[n.Number] = placed[store.PhoneNumber]{n, row.Place}
	if differing(numberFields(kept), numberFields(n)) == "" && n.Capabilities == kept.Capabilities {
		return ImportedRow{Outcome: RowUnchanged}, nil
	}
	result.Outcome = RowCompleted
	k.change.recordOwned(n.AWSAccountID, n.Number, numberFields(kept), numberFields(n))
	switch {
	case !stored:
		return result, nil
	case !onlyClaimed(kept):
		return result, k.change.UpdatePhoneNumbers([]store.PhoneNumber{n})
	}
	pool, err := k.poolNumber(n)
	if err != nil {
		return result, err
	}
	if err := k.change.DeletePhoneNumbers([]store.PhoneNumber{kept}); err != nil {
		return result, err
	}
	return result, k.addNumber(&n, pool) // in the place of its list
}

// badNumber says why a row cannot be a telephone number of an AWS account, "" if it can.
func badNumber(number string, r api.PhoneNumber) string {
	if !numberForm().MatchString(number) {
		return fmt.Sprintf("E164PhoneNumber %.64q is not a phone number such as +12065550100", number)
	}
	if problem := firstOf(
		notOneOf("Type", r.Type, api.PhoneNumberTypeLocal, api.PhoneNumberTypeTollFree),
		notOneOf("ProductType", r.ProductType, api.PhoneNumberProductTypeBusinessCalling, api.PhoneNumberProductTypeVoiceConnector,
			api.PhoneNumberProductTypeSipMediaApplicationDialIn),
		notOneOf("CallingNameStatus", r.CallingNameStatus, api.CallingNameStatusUnassigned, api.CallingNameStatusUpdateInProgress,
			api.CallingNameStatusUpdateSucceeded, api.CallingNameStatusUpdateFailed),
	); problem != "" {
		return fmt.Sprintf("phone number %s: %s", number, problem)
	}
	switch r.Status {
	case "", api.PhoneNumberStatusUnassigned, api.PhoneNumberStatusAssigned, api.PhoneNumberStatusDeleteInProgress,
		api.PhoneNumberStatusDeleteFailed, api.PhoneNumberStatusReleaseFailed:
		return ""
	}
	return fmt.Sprintf("phone number %s is %.64s, and the AWS account does not have it", number, r.Status)
}

// fillNumber sets the members of a number that a row has, but for who has it and for the time of
// its last change.
func fillNumber(n *store.PhoneNumber, r api.PhoneNumber) {
	if r.Country != nil {
		n.Country = *r.Country
	}
	fill(&n.Type, r.Type)
	fill(&n.ProductType, r.ProductType)
	if r.CallingName != nil {
		n.CallingName = *r.CallingName
	}
	if !r.CreatedTimestamp.IsZero() {
		n.Created = r.CreatedTimestamp
	}
	if r.Status != api.PhoneNumberStatusAssigned { // see completeNumber
		fill(&n.Status, r.Status)
	}
	if !r.DeletionTimestamp.IsZero() {
		n.Deleted = r.DeletionTimestamp
	}
	if c := r.Capabilities; c != nil {
		for i, has := range []*bool{c.InboundCall, c.OutboundCall, c.InboundSMS, c.OutboundSMS, c.InboundMMS, c.OutboundMMS} {
			if has != nil {
				*capabilityFields(&n.Capabilities)[i].has = *has
			}
		}
	}
}

// completeNumber sets what a row does not have, and gives the number to the user who had it.
func (k *chunk) completeNumber(n *store.PhoneNumber, r api.PhoneNumber, result *ImportedRow) error {
	readDigits(n)
	if n.ProductType == "" {
		n.ProductType = string(api.PhoneNumberProductTypeBusinessCalling)
		result.note("ProductType is missing: set to BusinessCalling")
	}
	if r.Capabilities == nil {
		n.Capabilities, _ = capabilities("")
		result.note("Capabilities is missing: set to all")
	}
	n.CallingNameStatus = string(api.CallingNameStatusUnassigned)
	if n.CallingName != "" {
		n.CallingNameStatus = string(api.CallingNameStatusUpdateSucceeded)
	}
	if n.Created.IsZero() {
		result.note("CreatedTimestamp is missing: the number is listed without it")
	}
	if n.Updated = r.UpdatedTimestamp; n.Updated.IsZero() {
		n.Updated = n.Created
	}
	switch api.PhoneNumberStatus(n.Status) {
	case api.PhoneNumberStatusDeleteInProgress, api.PhoneNumberStatusDeleteFailed, api.PhoneNumberStatusReleaseFailed:
		if n.Deleted.IsZero() {
			n.Deleted = k.change.now
			result.note("DeletionTimestamp is missing: set to now")
		}
		return nil
	}
	n.Status, n.Deleted = string(api.PhoneNumberStatusUnassigned), time.Time{}
	return k.giveNumber(n, r, result)
}

// readDigits sets what is not known of a number, and what its digits tell.
func readDigits(n *store.PhoneNumber) {
	n.Country = cmp.Or(n.Country, e164.Country(n.Number))
	n.Type = cmp.Or(n.Type, e164.Type(n.Number))
}

// giveNumber gives a number to the user of its associations, as far as there is one.
func (k *chunk) giveNumber(n *store.PhoneNumber, r api.PhoneNumber, result *ImportedRow) error {
	var accountID, userID string
	var since time.Time
	for _, a := range r.Associations {
		switch a.Name {
		case api.PhoneNumberAssociationNameAccountId:
			accountID = orEmpty(a.Value)
		case api.PhoneNumberAssociationNameUserId:
			userID, since = orEmpty(a.Value), a.AssociatedTimestamp
		default:
			result.note("its association with a Voice Connector is left out")
		}
	}
	if userID == "" {
		return nil
	}
	const unknown = "the user who had it is neither in these files nor in the store: nobody has it"
	a, err := k.find(accountID)
	if err != nil {
		return err
	}
	if a == nil || a.AWSAccountID != n.AWSAccountID {
		result.note(unknown)
		return nil
	}
	u, err := k.userOf(*a, userID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		result.note(unknown)
		return nil
	case err != nil:
		return err
	case u.PhoneNumber != n.Number && (u.Registration == store.Unregistered || u.PhoneNumber != ""):
		result.note("the user who had it has not joined, or has another number: nobody has it")
		return nil
	}
	n.Status, n.AccountID, n.UserID, n.Associated = string(api.PhoneNumberStatusAssigned), a.AccountID, u.UserID, since
	after := u
	after.PhoneNumber, after.PhoneProductType = n.Number, n.ProductType
	stored, err := k.change.Users(a.AccountID, []string{userID})
	if err != nil || len(stored) == 0 || after == u { // in a dry run, the user may not be there
		return err
	}
	k.change.record(*a, u.UserID, userFields(u), userFields(after))
	return k.change.UpdateUsers(a.AccountID, []store.UserChange{{Before: u, After: after}})
}

// claimNumber lets a user who is imported have the number of the row, unless somebody else has it.
// Its AWS account then has it, too: a row of the number may tell more, before or after.
func (k *chunk) claimNumber(u *store.User, a store.Account, result *ImportedRow) error {
	if u.PhoneNumber == "" {
		return nil
	}
	n, there, _, err := k.keptNumber(a.AWSAccountID, u.PhoneNumber)
	switch {
	case err != nil:
		return err
	case there && n.Status == string(api.PhoneNumberStatusUnassigned):
		before := numberFields(n)
		n.Status, n.AccountID, n.UserID = string(api.PhoneNumberStatusAssigned), u.AccountID, u.UserID
		u.PhoneProductType = n.ProductType
		k.change.recordOwned(a.AWSAccountID, n.Number, before, numberFields(n))
		return k.change.UpdatePhoneNumbers([]store.PhoneNumber{n})
	case !there:
		n = store.PhoneNumber{
			AWSAccountID: a.AWSAccountID, Number: u.PhoneNumber, ProductType: u.PhoneProductType,
			Status: string(api.PhoneNumberStatusAssigned), AccountID: u.AccountID, UserID: u.UserID,
			CallingNameStatus: string(api.CallingNameStatusUnassigned),
		}
		n.Capabilities, _ = capabilities("")
		readDigits(&n)
		pool, err := k.poolNumber(n)
		if err != nil {
			return err
		}
		if pool.Owner == "" {
			k.seen.claimed[n.Number] = n
			k.change.recordOwned(a.AWSAccountID, n.Number, nil, numberFields(n))
			return k.addNumber(&n, pool)
		}
	}
	u.PhoneNumber, u.PhoneProductType = "", ""
	result.note("PrimaryProvisionedNumber belongs to somebody else, or is being given up: left out")
	return nil
}

// knownNumber decides about a row of a number that is there already, at the place where says. Who
// has it, and whether anybody does, is a matter of the users.
func knownNumber(kept store.PhoneNumber, r api.PhoneNumber, where string, differs RowOutcome) ImportedRow {
	after := kept
	fillNumber(&after, r)
	if kept.Status == string(api.PhoneNumberStatusAssigned) || after.Status == string(api.PhoneNumberStatusAssigned) {
		after.Status = kept.Status
	}
	return knownAs(fmt.Sprintf("phone number %s %s", kept.Number, where), numberFields(kept), numberFields(after), differs)
}

// order decides about one row, and adds what is new.
func (k *chunk) order(owner string, row OrderRow) (result ImportedRow, err error) {
	r := row.Order
	id := orEmpty(r.PhoneNumberOrderId)
	if problem := badOrder(r); problem != "" {
		return badRow("%s", problem), nil
	}
	for _, seen := range []seen{k.seen, k.of.seen} {
		if earlier, again := seen.orders[id]; again {
			return knownOrder(earlier.value, r, "is already in "+earlier.place, RowBad), nil
		}
	}
	kept, err := k.change.PhoneNumberOrder(owner, id)
	if err == nil {
		k.seen.orders[id] = placed[store.PhoneNumberOrder]{kept, row.Place}
		return knownOrder(kept, r, "is in the store", RowDiffers), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return result, err
	}
	o := store.PhoneNumberOrder{AWSAccountID: owner, OrderID: id, Updated: r.UpdatedTimestamp}
	fillOrderRow(&o, r)
	if o.Status == string(api.PhoneNumberOrderStatusProcessing) {
		o.Status = string(api.PhoneNumberOrderStatusFailed)
		for i := range o.Numbers {
			if o.Numbers[i].Status == string(api.OrderedPhoneNumberStatusProcessing) {
				o.Numbers[i].Status = string(api.OrderedPhoneNumberStatusFailed)
			}
		}
		result.note("the order was being processed: it has failed")
	}
	if o.Updated.IsZero() {
		o.Updated = o.Created
	}
	if err := k.change.InsertPhoneNumberOrder(&o); err != nil {
		return result, err
	}
	k.change.recordOwned(owner, id, nil, orderFields(o))
	k.seen.orders[id] = placed[store.PhoneNumberOrder]{o, row.Place}
	return result, nil
}

// badOrder says why a row cannot be an order, "" if it can.
func badOrder(r api.PhoneNumberOrder) string {
	if problem := badID(orEmpty(r.PhoneNumberOrderId)); problem != "" {
		return "PhoneNumberOrderId " + problem
	}
	problem := firstOf(
		notOneOf("ProductType", r.ProductType, api.PhoneNumberProductTypeBusinessCalling, api.PhoneNumberProductTypeVoiceConnector,
			api.PhoneNumberProductTypeSipMediaApplicationDialIn),
		notOneOf("Status", r.Status, api.PhoneNumberOrderStatusProcessing, api.PhoneNumberOrderStatusSuccessful,
			api.PhoneNumberOrderStatusFailed, api.PhoneNumberOrderStatusPartial),
	)
	if r.ProductType == "" || r.Status == "" {
		problem = "ProductType or Status is missing"
	}
	for _, n := range r.OrderedPhoneNumbers {
		problem = firstOf(problem, notOneOf("Status", n.Status, api.OrderedPhoneNumberStatusProcessing, api.OrderedPhoneNumberStatusAcquired,
			api.OrderedPhoneNumberStatusFailed))
		if !numberForm().MatchString(AsNumber(orEmpty(n.E164PhoneNumber))) {
			problem = firstOf(problem, fmt.Sprintf("E164PhoneNumber %.64q is not a phone number such as +12065550100", orEmpty(n.E164PhoneNumber)))
		}
	}
	if problem != "" {
		return fmt.Sprintf("order %.64s: %s", *r.PhoneNumberOrderId, problem)
	}
	return ""
}

// fillOrderRow sets the members of an order that a row has.
func fillOrderRow(o *store.PhoneNumberOrder, r api.PhoneNumberOrder) {
	fill(&o.ProductType, r.ProductType)
	fill(&o.Status, r.Status)
	if !r.CreatedTimestamp.IsZero() {
		o.Created = r.CreatedTimestamp
	}
	if r.OrderedPhoneNumbers != nil {
		o.Numbers = nil
	}
	for _, n := range r.OrderedPhoneNumbers {
		o.Numbers = append(o.Numbers, store.OrderedNumber{Number: AsNumber(*n.E164PhoneNumber), Status: string(n.Status)})
	}
}

// knownOrder decides about a row of an order that is there already. An order that was being
// processed, and is not any more, is the same order.
func knownOrder(kept store.PhoneNumberOrder, r api.PhoneNumberOrder, where string, differs RowOutcome) ImportedRow {
	after := kept
	fillOrderRow(&after, r)
	if r.Status == api.PhoneNumberOrderStatusProcessing {
		after.Status, after.Numbers = kept.Status, kept.Numbers
	}
	return knownAs(fmt.Sprintf("order %.64s %s", kept.OrderID, where), orderFields(kept), orderFields(after), differs)
}

// numberSettings decides about one row.
func (k *chunk) numberSettings(owner string, row NumberSettingsRow) (result ImportedRow, err error) {
	kept, err := k.change.PhoneNumberSettings(owner)
	if err != nil {
		return result, err
	}
	after := store.PhoneNumberSettings{CallingName: orEmpty(row.Settings.CallingName), CallingNameUpdated: row.Settings.CallingNameUpdatedTimestamp}
	before, fields := numberSettingsFields(kept), numberSettingsFields(after)
	if known, ok := k.knownSettings("phone number settings of AWS account "+owner, row.Place, kept == store.PhoneNumberSettings{}, before, fields); ok {
		return known, nil
	}
	k.change.recordOwned(owner, owner, before, fields)
	return result, k.change.PutPhoneNumberSettings(owner, after)
}
