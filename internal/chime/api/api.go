// Package api is the service's half of the contract of the Amazon Chime API: a Go type for each
// input and output, the code that decodes and validates inputs and encodes outputs, the errors with
// their statuses, and the [API] interface with a method for each operation. Start at [API] and
// [Bind].
//
// The types are generated from the contract (../gen). A member that may be absent is a pointer,
// except that an absent enum is "", an absent timestamp is the zero time and an absent list is nil;
// a list that was sent empty is not nil.
package api

import (
	"context"
	"net/url"
)

// Request is the part of an HTTP request that the input of an operation is made of.
type Request struct {
	Label func(name string) string // decoded label of the path
	Query url.Values
	Body  []byte // JSON text; blank counts as an empty object
}

func (r Request) label(name string) (string, bool) { return r.Label(name), true }

// query returns a parameter of the query. Clients that page in a loop send an empty token with the
// first request, so an empty token counts as absent. Other empty values are checked.
func (r Request) query(name string) (string, bool) {
	v, ok := r.Query[name]
	if !ok || name == "next-token" && v[0] == "" {
		return "", false
	}
	return v[0], true
}

// Handler decodes and validates a request, calls the service, and returns the JSON text of its
// output, which is empty for an output without members. If the request breaks the contract, the
// service is not called and the error is an [*Error] that names every member at fault.
type Handler func(context.Context, Request) ([]byte, error)

type input[T any] interface {
	*T
	decode(*decoder, Request)
}

type output interface {
	append([]byte) []byte
}

func handler[T any, In input[T], Out output](method func(context.Context, In) (Out, error)) Handler {
	return func(ctx context.Context, r Request) ([]byte, error) {
		in := In(new(T))
		d := newDecoder()
		in.decode(d, r)
		err := d.close()
		if err != nil {
			return nil, err
		}
		out, err := method(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.append(nil), nil
	}
}
