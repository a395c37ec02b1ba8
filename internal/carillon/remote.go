package carillon

import (
	"context"
	"errors"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// remote is a service that a command asks, instead of the data at hand.
type remote struct {
	calls *client.Client
	url   string
}

func (p *program) remote(ctx context.Context, c connection) (*remote, error) {
	config, attempts, err := p.client(ctx, c)
	if err == nil {
		config.MaxAttempts, config.UserAgent = attempts, "carillon/"+build.Version()
		var calls *client.Client
		if calls, err = client.New(config); err == nil {
			return &remote{calls, config.Endpoint}, nil
		}
	}
	return nil, usagef("%s: %w", p.name, err)
}

func (r *remote) close() { r.calls.Close() }

// errEnough ends [remote.pages] before the last page.
var errEnough = errors.New("enough")

// pages calls fn for the elements of a list in all pages of a listing, until it returns an error.
func (r *remote) pages(ctx context.Context, op *model.Operation, input *document.Object, list string, fn func(*document.Object) error) error {
	for {
		reply, err := r.calls.Call(ctx, op, input)
		if _, refused := errors.AsType[*client.ServiceError](err); err != nil && !refused {
			return &codedError{exitNoStore, err}
		} else if err != nil {
			return err
		}
		page, _ := reply.Output.Get(list)
		elements, ok := page.([]any)
		if !ok {
			return errors.New("the reply has no " + list + ": the endpoint is not that of carillon serve, or a proxy has answered")
		}
		for _, e := range elements {
			if o, ok := e.(*document.Object); ok {
				if err := fn(o); err != nil {
					return err
				}
			}
		}
		token, _ := reply.Output.Get("NextToken")
		if token == nil || token == "" {
			return nil
		}
		input.Set("NextToken", token)
	}
}

// textOf returns a member that is a text, empty if there is none.
func textOf(o *document.Object, name string) string {
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}
