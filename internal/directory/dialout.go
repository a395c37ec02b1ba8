package directory

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/webhook"
)

// A dial-out asks that a meeting call somebody. Meetings and telephones are not part of the API:
// the request is kept, and a hook of the operator is told, which makes the call. The answer does
// not wait for the hook, nor does the service know whether there is such a meeting. The hook is
// told of the dial-outs of an AWS account one after the other, in the order of the requests.

// deliverDialOuts is the kind of the tasks that tell the hook. The target is the AWS account.
const deliverDialOuts = "DeliverDialOuts"

// maxDialOuts is how many dial-outs of an AWS account can wait for the hook.
const maxDialOuts = 1000

// What has become of a dial-out.
const (
	DialOutRecorded  = "Recorded"  // there was no hook to be told
	DialOutWaiting   = "Waiting"   // for the hook
	DialOutDelivered = "Delivered" // the hook has taken it
	DialOutGivenUp   = "GivenUp"   // the hook has not, see [webhook.Sender.Send]
)

// DialOutHook is what is told of dial-outs.
type DialOutHook struct {
	URL    string
	Secret string // signs what it is told
	Sender *webhook.Sender

	// Ended is told how the delivery of a dial-out has ended: DialOutDelivered, or DialOutGivenUp and
	// why.
	Ended func(transactionID, status, reason string)
}

// CreateMeetingDialOut keeps a request that a meeting call somebody, from a number that the AWS
// account has. A number that is about to be given up is no such number. Everything else about the
// meeting is for the hook to know.
func (s *Service) CreateMeetingDialOut(ctx context.Context, in *api.CreateMeetingDialOutInput) (*api.CreateMeetingDialOutOutput, error) {
	return write(ctx, s, opCreateMeetingDialOut, func(c *change) (*api.CreateMeetingDialOutOutput, error) {
		aws := c.caller.AWSAccountID
		from := AsNumber(in.FromPhoneNumber)
		found, err := c.PhoneNumbers(aws, []string{from})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 || !usable(found[0]) {
			return nil, api.Errorf(api.ForbiddenException, "FromPhoneNumber must be a number of the AWS account")
		}
		d := store.DialOut{
			AWSAccountID:  aws,
			TransactionID: c.newID(),
			MeetingID:     in.MeetingId,
			From:          from,
			To:            AsNumber(in.ToPhoneNumber),
			Created:       c.now,
			Status:        DialOutRecorded,
		}
		if s.options.DialOutHook != nil {
			waiting, err := c.CountDialOuts(aws, DialOutWaiting)
			if err != nil {
				return nil, err
			}
			if waiting >= maxDialOuts {
				return nil, api.Errorf(api.ResourceLimitExceededException, "%d dial-outs of the AWS account wait for the telephone gateway, and no more can: try again later", waiting)
			}
			d.Status, d.JoinToken = DialOutWaiting, in.JoinToken
			if err := c.schedule(store.Task{AWSAccountID: aws, Kind: deliverDialOuts, Target: aws, Due: c.now}); err != nil {
				return nil, err
			}
		}
		if err := c.InsertDialOut(&d); err != nil {
			return nil, err
		}
		c.recordOwned(aws, d.TransactionID, nil, dialOutFields(d))
		return &api.CreateMeetingDialOutOutput{TransactionId: new(d.TransactionID)}, nil
	})
}

// dialOut is what the hook is told, in the manner of an event for a bot.
type dialOut struct {
	EventType       string
	EventTimestamp  string // of the request
	AwsAccountID    string `json:"AwsAccountId"`
	TransactionID   string `json:"TransactionId"`
	MeetingID       string `json:"MeetingId"`
	FromPhoneNumber string
	ToPhoneNumber   string
	JoinToken       string
}

// dialOutsLeft reports whether any dial-out waits for the hook.
func dialOutsLeft(tx store.Tx, t store.Task) (bool, error) {
	n, err := tx.CountDialOuts(t.AWSAccountID, DialOutWaiting)
	return n > 0, err
}

// deliverDialOut tells the hook of the first dial-out that waits. It reports whether the next one
// may follow in the same turn.
func (s *Service) deliverDialOut(ctx context.Context, t store.Task) (more bool, err error) {
	var waiting []store.DialOut
	err = s.store.View(ctx, func(tx store.ReadTx) (err error) {
		waiting, _, err = tx.ListDialOuts(t.AWSAccountID, store.DialOutFilter{Status: DialOutWaiting}, 0, 1)
		return err
	})
	if err != nil || len(waiting) == 0 {
		return false, err
	}
	d, reason := waiting[0], ""
	hook := s.options.DialOutHook
	if hook == nil { // an earlier service had one
		d.Status = DialOutRecorded
	} else {
		body, err := json.Marshal(dialOut{"MeetingDialOut", api.FormatTime(d.Created), d.AWSAccountID, d.TransactionID, d.MeetingID, d.From, d.To, d.JoinToken})
		if err != nil {
			return false, err
		}
		d.Status = DialOutDelivered
		err = hook.Sender.Send(ctx, hook.URL, hook.Secret, body, nil)
		if failure, ok := errors.AsType[*webhook.Failure](err); ok {
			d.Status, reason = DialOutGivenUp, failure.Reason
		} else if err != nil {
			return false, err
		}
	}
	d.JoinToken = ""
	err = s.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		if err := tx.UpdateDialOut(d); err != nil {
			return err
		}
		return stillLeased(tx, t)
	})
	if err != nil {
		return false, err
	}
	if hook != nil {
		hook.Ended(d.TransactionID, d.Status, reason)
	}
	return d.Status != DialOutGivenUp, nil
}

// DialOut is a dial-out as the operator sees it.
type DialOut struct {
	AWSAccountID  string
	TransactionID string
	MeetingID     string
	From, To      string // telephone numbers
	Created       time.Time
	Status        string // DialOutRecorded and so on
}

// DialOutDocument is a dial-out as people and programs are shown it.
func DialOutDocument(d DialOut) *document.Object {
	return document.NewObject(
		document.Member{Key: "TransactionId", Value: d.TransactionID},
		document.Member{Key: "AwsAccountId", Value: d.AWSAccountID},
		document.Member{Key: "MeetingId", Value: d.MeetingID},
		document.Member{Key: "FromPhoneNumber", Value: d.From},
		document.Member{Key: "ToPhoneNumber", Value: d.To},
		document.Member{Key: "CreatedTimestamp", Value: api.FormatTime(d.Created)},
		document.Member{Key: "Status", Value: d.Status},
	)
}

// DialOuts lists the dial-outs of an AWS account or, if that is empty, of all, each with its own in
// the order of the requests. It ends after the first error.
func (o *Operator) DialOuts(ctx context.Context, awsAccountID string) iter.Seq2[DialOut, error] {
	return func(yield func(DialOut, error) bool) {
		owners, err := o.awsAccounts(ctx, awsAccountID)
		if err != nil {
			yield(DialOut{}, err)
			return
		}
		for _, owner := range owners {
			next := func(tx store.ReadTx, after store.Entry) ([]store.DialOut, store.Entry, error) {
				return tx.ListDialOuts(owner, store.DialOutFilter{}, after, lookPage)
			}
			for d, err := range pages(ctx, o.store, next) {
				if !yield(DialOut{d.AWSAccountID, d.TransactionID, d.MeetingID, d.From, d.To, d.Created, d.Status}, err) || err != nil {
					return
				}
			}
		}
	}
}

func dialOutFields(d store.DialOut) []document.Member {
	return []document.Member{
		{Key: "TransactionId", Value: label(d.TransactionID)},
		{Key: "MeetingId", Value: d.MeetingID},
		{Key: "FromPhoneNumber", Value: d.From},
		{Key: "ToPhoneNumber", Value: d.To},
		{Key: "JoinToken", Value: secret(d.JoinToken)},
	}
}
