package carillon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/testmode"
)

// remote is a service that a command asks, instead of the data at hand.
type remote struct {
	calls   *client.Client
	url     string
	stderr  io.Writer
	silence time.Duration          // without an answer, after which that is told
	failed  atomic.Pointer[string] // why the latest try has, nil if none
}

func (p *program) remote(ctx context.Context, c connection) (*remote, error) {
	config, attempts, err := p.client(ctx, c)
	if err == nil {
		config.MaxAttempts, config.UserAgent = attempts, "carillon/"+build.Version()
		config.Strict = true // what a proxy says is no answer of the service
		r := &remote{url: config.Endpoint, stderr: p.stderr, silence: 10 * time.Second}
		if config.ReadTimeout > 0 {
			r.silence = min(r.silence, config.ReadTimeout/2)
		}
		config.Trace = func(a client.Attempt) {
			if a.Err != nil {
				why := a.Err.Error()
				r.failed.Store(&why)
			}
		}
		if r.calls, err = client.New(config); err == nil {
			return r, nil
		}
	}
	return nil, p.badInput("%w", err)
}

// waits does what asks the service, and says so if that takes long. An error that is not an answer
// of the service ends the command.
func (r *remote) waits(ctx context.Context, ask func() error) error {
	r.failed.Store(nil)
	told := make(chan struct{})
	timer := time.AfterFunc(r.silence, func() {
		defer close(told)
		why := fmt.Sprintf("the service has not answered for %v", r.silence)
		if failed := r.failed.Load(); failed != nil {
			why = fmt.Sprintf("every try has failed for %v, the last one: %s", r.silence, *failed)
		}
		fmt.Fprintf(r.stderr, "carillon: waiting: %s\n", why)
	})
	err := ask()
	if !timer.Stop() {
		<-told
	}
	_, refused := errors.AsType[*client.ServiceError](err)
	switch {
	case err != nil && ctx.Err() != nil:
		return &codedError{exitInterrupted, errors.New("interrupted")}
	case err != nil && !refused:
		return &codedError{exitNoStore, err}
	}
	return err
}

func (r *remote) close() { r.calls.Close() }

// now is the time by the clock of the service. Only that of a service for tests may show another
// one than this machine's; others have nothing at that path.
func (r *remote) now(ctx context.Context) (time.Time, error) {
	var answer *client.Answer
	err := r.waits(ctx, func() (err error) {
		answer, err = r.calls.Send(ctx, &client.Message{Operation: "GetClock", Method: http.MethodGet, Path: testmode.Prefix + "clock"})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	if v, err := document.Parse(string(answer.Body)); answer.Status == http.StatusOK && err == nil {
		if clock, ok := v.(*document.Object); ok {
			if now, err := time.Parse(time.RFC3339, clock.Text("now")); err == nil {
				return now, nil
			}
		}
	}
	return time.Now(), nil
}

// pages calls fn for the elements of a list in all pages of a listing, until it returns an error.
func (r *remote) pages(ctx context.Context, op *model.Operation, input *document.Object, list string, fn func(*document.Object) error) error {
	for {
		var reply *client.Reply
		err := r.waits(ctx, func() (err error) {
			reply, err = r.calls.Call(ctx, op, input)
			return err
		})
		if err != nil {
			return err
		}
		page, _ := reply.Output.Get(list)
		elements, ok := page.([]any)
		if !ok {
			return errors.New("the reply has no " + list + ": the endpoint is not that of carillon serve, or a proxy has answered")
		}
		for _, e := range elements {
			o, ok := e.(*document.Object)
			if !ok {
				return errors.New("the reply has " + list + " that are none: the endpoint is not that of carillon serve")
			}
			if err := fn(o); err != nil {
				return err
			}
		}
		token, former := reply.Output.Text("NextToken"), input.Text("NextToken")
		switch token {
		case "":
			return nil
		case former:
			return errors.New("the service repeats the NextToken of " + op.Name + ": the listing would never end")
		}
		input.Set("NextToken", token)
	}
}

// accounts returns the account that a person means by an id or a name, or all for an empty word.
func (r *remote) accounts(ctx context.Context, word string) ([]bulk.NamedAccount, error) {
	search := bulk.NewSearch(word)
	var all []bulk.NamedAccount
	input := document.NewObject(document.Member{Key: "MaxResults", Value: document.Int(bulk.AccountPage)})
	err := r.pages(ctx, chime.Service.Operation("ListAccounts"), input, "Accounts", func(o *document.Object) error {
		a := bulk.NamedAccount{ID: o.Text("AccountId"), Name: o.Text("Name"), Type: o.Text("AccountType")}
		search.See(a)
		all = append(all, a)
		return nil
	})
	if err != nil || word == "" {
		return all, err
	}
	found, err := search.Found()
	return []bulk.NamedAccount{found}, ofAccountFlag(word, err)
}
