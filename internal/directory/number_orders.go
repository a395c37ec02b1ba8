package directory

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/e164"
	"github.com/carillon-project/carillon/internal/store"
)

// CreatePhoneNumberOrder orders numbers from the pool. Those that are available are kept for the
// order; whether the AWS account gets them is decided when the order is filled, and so is that it
// does not get the others.
func (s *Service) CreatePhoneNumberOrder(ctx context.Context, in *api.CreatePhoneNumberOrderInput) (*api.CreatePhoneNumberOrderOutput, error) {
	numbers, err := toOrder(in)
	if err != nil {
		return nil, err
	}
	return write(ctx, s, opCreatePhoneNumberOrder, func(c *change) (*api.CreatePhoneNumberOrderOutput, error) {
		aws := c.caller.AWSAccountID
		// What keeps updates apart goes from the numbers of the AWS account to those of the
		// pool.
		if _, err := c.PhoneNumbers(aws, numbers); err != nil {
			return nil, err
		}
		pool, err := c.PoolNumbers(numbers)
		if err != nil {
			return nil, err
		}
		known := make(map[string]store.PoolNumber, len(pool))
		for _, n := range pool {
			known[n.Number] = n
		}
		var countries []string
		for i, number := range numbers {
			country, numberType := e164.Country(number), ""
			if n, ok := known[number]; ok {
				country, numberType = n.Country, n.Type
			} else if e164.TollFree(number) {
				numberType = string(api.PhoneNumberTypeTollFree)
			}
			countries = append(countries, country)
			if problem := unfit(in.ProductType, country, numberType); problem != "" {
				return nil, api.BadRequest("E164PhoneNumbers[%d]: %s", i, problem)
			}
		}
		if err := restricted(c, aws, in.ProductType, countries...); err != nil {
			return nil, err
		}
		order := store.PhoneNumberOrder{
			AWSAccountID: aws,
			OrderID:      c.newID(),
			ProductType:  string(in.ProductType),
			Status:       string(api.PhoneNumberOrderStatusProcessing),
			Created:      c.now,
			Updated:      c.now,
		}
		var taken []store.PoolNumber
		var acquired []store.PhoneNumber
		for _, number := range numbers {
			order.Numbers = append(order.Numbers, store.OrderedNumber{Number: number, Status: string(api.OrderedPhoneNumberStatusProcessing)})
			n, ok := known[number]
			if !ok || n.Owner != "" {
				continue
			}
			n.Owner = aws
			taken = append(taken, n)
			acquired = append(acquired, store.PhoneNumber{
				AWSAccountID:      aws,
				Number:            number,
				Country:           n.Country,
				Type:              n.Type,
				Capabilities:      n.Capabilities,
				Created:           c.now,
				ProductType:       order.ProductType,
				Status:            string(api.PhoneNumberStatusAcquireInProgress),
				CallingNameStatus: string(api.CallingNameStatusUnassigned),
				Updated:           c.now,
				OrderID:           order.OrderID,
			})
		}
		if err := c.withinQuota(s.options, len(taken)); err != nil {
			return nil, err
		}
		if err := c.PutPoolNumbers(taken); err != nil {
			return nil, err
		}
		if err := c.InsertPhoneNumbers(acquired); err != nil {
			return nil, err
		}
		if err := c.InsertPhoneNumberOrder(&order); err != nil {
			return nil, err
		}
		c.recordOwned(aws, order.OrderID, nil, orderFields(order))
		for _, n := range acquired {
			c.recordOwned(aws, n.Number, nil, numberFields(n))
		}
		due := c.now.Add(s.options.Numbers.OrderDelay)
		if err := c.schedule(store.Task{AWSAccountID: aws, Kind: fillOrder, Target: order.OrderID, Due: due}); err != nil {
			return nil, err
		}
		return &api.CreatePhoneNumberOrderOutput{PhoneNumberOrder: new(showOrder(order))}, nil
	})
}

// toOrder checks the numbers of an order, and writes them as the store does.
func toOrder(in *api.CreatePhoneNumberOrderInput) ([]string, error) {
	if n := len(in.E164PhoneNumbers); n == 0 || n > maxNumbers {
		return nil, api.BadRequest("E164PhoneNumbers must have 1 to %d numbers: it has %d", maxNumbers, n)
	}
	first := make(map[string]int)
	numbers := make([]string, len(in.E164PhoneNumbers))
	for i, text := range in.E164PhoneNumbers {
		numbers[i] = AsNumber(text)
		if j, again := first[numbers[i]]; again {
			return nil, api.BadRequest("E164PhoneNumbers[%d] is the same number as E164PhoneNumbers[%d]", i, j)
		}
		first[numbers[i]] = i
	}
	return numbers, nil
}

// fillOrder is the kind of the tasks by which orders are filled.
const fillOrder = "FillOrder"

func (c *change) fillOrder(t store.Task) (again time.Time, err error) {
	order, err := c.PhoneNumberOrder(t.AWSAccountID, t.Target)
	if err != nil {
		return again, ignoreMissing(err)
	}
	return again, c.endOrder(order, func(n store.PoolNumber) bool { return !n.Failing })
}

// endOrder decides about the numbers of an order that is being processed: the AWS account gets
// those that are kept for it, if handedOver says so of them.
func (c *change) endOrder(order store.PhoneNumberOrder, handedOver func(store.PoolNumber) bool) error {
	if order.Status != string(api.PhoneNumberOrderStatusProcessing) {
		return nil
	}
	ordered := make([]string, len(order.Numbers))
	for i, n := range order.Numbers {
		ordered[i] = n.Number
	}
	numbers, err := c.PhoneNumbers(order.AWSAccountID, ordered)
	if err != nil {
		return err
	}
	pool, err := c.PoolNumbers(ordered)
	if err != nil {
		return err
	}
	known := make(map[string]store.PoolNumber, len(pool))
	for _, n := range pool {
		known[n.Number] = n
	}
	got := make(map[string]bool)
	var acquired []store.PhoneNumber
	for _, n := range numbers {
		// The AWS account may have a number from an earlier order, or keep it for another.
		if n.Status != string(api.PhoneNumberStatusAcquireInProgress) || n.OrderID != order.OrderID {
			continue
		}
		before := n
		if handedOver(known[n.Number]) {
			n.Status, n.Updated = string(api.PhoneNumberStatusUnassigned), c.now
			acquired = append(acquired, n)
			got[n.Number] = true
			c.recordOwned(n.AWSAccountID, n.Number, numberFields(before), numberFields(n))
			continue
		}
		c.recordOwned(n.AWSAccountID, n.Number, numberFields(before), nil)
		back := known[n.Number]
		back.Owner, back.Failing = "", false // the mark is for one order
		if err := c.PutPoolNumbers([]store.PoolNumber{back}); err != nil {
			return err
		}
		if err := c.DeletePhoneNumbers([]store.PhoneNumber{n}); err != nil {
			return err
		}
	}
	if err := c.UpdatePhoneNumbers(acquired); err != nil {
		return err
	}
	before := orderFields(order)
	order.Numbers = append([]store.OrderedNumber(nil), order.Numbers...)
	for i := range order.Numbers {
		order.Numbers[i].Status = string(api.OrderedPhoneNumberStatusFailed)
		if got[order.Numbers[i].Number] {
			order.Numbers[i].Status = string(api.OrderedPhoneNumberStatusAcquired)
		}
	}
	switch len(got) {
	case len(order.Numbers):
		order.Status = string(api.PhoneNumberOrderStatusSuccessful)
	case 0:
		order.Status = string(api.PhoneNumberOrderStatusFailed)
	default:
		order.Status = string(api.PhoneNumberOrderStatusPartial)
	}
	order.Updated = c.now
	c.recordOwned(order.AWSAccountID, order.OrderID, before, orderFields(order))
	return c.UpdatePhoneNumberOrder(order)
}

// GetPhoneNumberOrder returns one order of the AWS account.
func (s *Service) GetPhoneNumberOrder(ctx context.Context, in *api.GetPhoneNumberOrderInput) (*api.GetPhoneNumberOrderOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetPhoneNumberOrderOutput, error) {
		order, err := tx.PhoneNumberOrder(caller.AWSAccountID, in.PhoneNumberOrderId)
		if err != nil {
			return nil, errOrder(in.PhoneNumberOrderId, err)
		}
		return &api.GetPhoneNumberOrderOutput{PhoneNumberOrder: new(showOrder(order))}, nil
	})
}

// ListPhoneNumberOrders pages through the orders of the AWS account, the newest first: that is what
// one who has just ordered looks for.
func (s *Service) ListPhoneNumberOrders(ctx context.Context, in *api.ListPhoneNumberOrdersInput) (*api.ListPhoneNumberOrdersOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListPhoneNumberOrdersOutput, error) {
		list := s.listing("ListPhoneNumberOrders", caller.AWSAccountID)
		before, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		orders, next, err := tx.ListPhoneNumberOrders(caller.AWSAccountID, before, pageSize(in.MaxResults, numberPage))
		if err != nil {
			return nil, err
		}
		out := &api.ListPhoneNumberOrdersOutput{PhoneNumberOrders: []api.PhoneNumberOrder{}, NextToken: list.token(next)}
		for _, order := range orders {
			out.PhoneNumberOrders = append(out.PhoneNumberOrders, showOrder(order))
		}
		return out, nil
	})
}

func showOrder(o store.PhoneNumberOrder) api.PhoneNumberOrder {
	out := api.PhoneNumberOrder{
		PhoneNumberOrderId:  new(o.OrderID),
		ProductType:         api.PhoneNumberProductType(o.ProductType),
		Status:              api.PhoneNumberOrderStatus(o.Status),
		OrderedPhoneNumbers: []api.OrderedPhoneNumber{},
		CreatedTimestamp:    o.Created,
		UpdatedTimestamp:    o.Updated,
	}
	for _, n := range o.Numbers {
		out.OrderedPhoneNumbers = append(out.OrderedPhoneNumbers, api.OrderedPhoneNumber{E164PhoneNumber: new(n.Number), Status: api.OrderedPhoneNumberStatus(n.Status)})
	}
	return out
}

func orderFields(o store.PhoneNumberOrder) []document.Member {
	var numbers []string
	for _, n := range o.Numbers {
		numbers = append(numbers, n.Number+" "+n.Status)
	}
	return []document.Member{
		{Key: "PhoneNumberOrderId", Value: label(o.OrderID)},
		{Key: "ProductType", Value: o.ProductType},
		{Key: "Status", Value: o.Status},
		{Key: "OrderedPhoneNumbers", Value: values(numbers)},
		{Key: "CreatedTimestamp", Value: stampOf(o.Created)},
	}
}

// errOrder is the error for an order that is not there.
func errOrder(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return api.Errorf(api.NotFoundException, "Phone number order %.64s was not found in the AWS account", id)
	}
	return err
}
