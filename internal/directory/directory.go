// Package directory is the domain of the service: accounts, the users in them, their licenses,
// the rules that tie these together, and the trail of who changed what.
//
// Start at [Service], which has one method for each operation it offers, in the terms of
// package api. The rules for the fields of one user are in users.go, how lists of users are
// worked through in batch.go. Beside it are [Operator], for what the API cannot do, and [Keys],
// the access keys that requests are signed with.
//
// Every operation acts for the [Caller] in its context and sees nothing but the accounts of the
// caller's AWS account. Whatever is changed, through whichever of the three, is written in one
// update of the store, together with an audit record for each user, account, domain, key or
// setting that is different afterwards.
//
// A failure that the caller of the API is to blame for, or can act upon, is an *api.Error. Every
// other error is one of the store, handed on as it is: store.ErrUnavailable means that nothing
// has been tried yet.
package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// Options adjusts what is otherwise taken from the machine; the zero value is ready for
// production.
type Options struct {
	Clock func() time.Time // nil: time.Now
	NewID func() string    // ids of accounts, users and invitations; nil: UUIDs of version 7
	Rand  io.Reader        // keys, secrets and PINs are made of it; nil: crypto/rand

	// Operator is the name of the person who uses [Operator] or [Keys], for the audit trail: it
	// has "operator/NAME" as the key name, or "operator" without one.
	Operator string
}

func (o Options) orDefault() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// Service carries out the operations of the API. It holds no state but a key that never changes,
// so that any number of them may share one store.
type Service struct {
	store   store.Store
	options Options
	pageKey []byte // authenticates page tokens
}

// The operations that are offered so far. What has no method here the server reports as not
// built.
var _ interface {
	AssociateSigninDelegateGroupsWithAccount(context.Context, *api.AssociateSigninDelegateGroupsWithAccountInput) (*api.AssociateSigninDelegateGroupsWithAccountOutput, error)
	BatchSuspendUser(context.Context, *api.BatchSuspendUserInput) (*api.BatchSuspendUserOutput, error)
	BatchUnsuspendUser(context.Context, *api.BatchUnsuspendUserInput) (*api.BatchUnsuspendUserOutput, error)
	BatchUpdateUser(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error)
	CreateAccount(context.Context, *api.CreateAccountInput) (*api.CreateAccountOutput, error)
	CreateUser(context.Context, *api.CreateUserInput) (*api.CreateUserOutput, error)
	DeleteAccount(context.Context, *api.DeleteAccountInput) (*api.DeleteAccountOutput, error)
	DisassociateSigninDelegateGroupsFromAccount(context.Context, *api.DisassociateSigninDelegateGroupsFromAccountInput) (*api.DisassociateSigninDelegateGroupsFromAccountOutput, error)
	GetAccount(context.Context, *api.GetAccountInput) (*api.GetAccountOutput, error)
	GetAccountSettings(context.Context, *api.GetAccountSettingsInput) (*api.GetAccountSettingsOutput, error)
	GetGlobalSettings(context.Context, *api.GetGlobalSettingsInput) (*api.GetGlobalSettingsOutput, error)
	GetUser(context.Context, *api.GetUserInput) (*api.GetUserOutput, error)
	GetUserSettings(context.Context, *api.GetUserSettingsInput) (*api.GetUserSettingsOutput, error)
	InviteUsers(context.Context, *api.InviteUsersInput) (*api.InviteUsersOutput, error)
	ListAccounts(context.Context, *api.ListAccountsInput) (*api.ListAccountsOutput, error)
	ListUsers(context.Context, *api.ListUsersInput) (*api.ListUsersOutput, error)
	LogoutUser(context.Context, *api.LogoutUserInput) (*api.LogoutUserOutput, error)
	ResetPersonalPIN(context.Context, *api.ResetPersonalPINInput) (*api.ResetPersonalPINOutput, error)
	UpdateAccount(context.Context, *api.UpdateAccountInput) (*api.UpdateAccountOutput, error)
	UpdateAccountSettings(context.Context, *api.UpdateAccountSettingsInput) (*api.UpdateAccountSettingsOutput, error)
	UpdateGlobalSettings(context.Context, *api.UpdateGlobalSettingsInput) (*api.UpdateGlobalSettingsOutput, error)
	UpdateUser(context.Context, *api.UpdateUserInput) (*api.UpdateUserOutput, error)
	UpdateUserSettings(context.Context, *api.UpdateUserSettingsInput) (*api.UpdateUserSettingsOutput, error)
} = (*Service)(nil)

// New returns a Service over a store. On the first start it makes the key of the page tokens and
// leaves it in the store, so that tokens outlive the process and hold in every other.
func New(st store.Store, options Options) (*Service, error) {
	s := &Service{store: st, options: options.orDefault()}
	key, err := pageKey(st, s.options.Rand)
	if err != nil {
		return nil, fmt.Errorf("preparing page tokens: %w", err)
	}
	s.pageKey = key
	return s, nil
}

// Caller says who makes a request and under which name it goes into the audit trail.
type Caller struct {
	AWSAccountID string // 12 digits
	KeyID        string
	KeyName      string
	RequestID    string
	UserAgent    string
}

type callerKey struct{}

// WithCaller returns a context for an operation on behalf of the caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) (Caller, error) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	if !ok || c.AWSAccountID == "" {
		return c, errors.New("the context names no caller")
	}
	return c, nil
}

// read carries out an operation that changes nothing.
func read[T any](ctx context.Context, s *Service, fn func(store.ReadTx, Caller) (T, error)) (out T, err error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return out, err
	}
	err = s.store.View(ctx, func(tx store.ReadTx) (err error) {
		out, err = fn(tx, caller)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return out, nil
}

// change is an operation at work inside its update: the transaction, on whose behalf and when it
// runs, and the audit records it has earned.
type change struct {
	store.Tx
	caller    Caller
	operation operation
	now       time.Time // the one time of the whole change
	newID     func() string
	random    io.Reader
	audit     []store.AuditRecord
}

// write carries out an operation that changes something. The store may run fn again, which
// therefore keeps nothing from one run to the next but what it returns.
func write[T any](ctx context.Context, s *Service, op operation, fn func(*change) (T, error)) (out T, err error) {
	caller, err := callerOf(ctx)
	if err != nil {
		return out, err
	}
	err = update(ctx, s.store, s.options, caller, op, func(c *change) (err error) {
		out, err = fn(c)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return out, nil
}

// maxClashes is how often a change is run again because the store had a unique key already. A
// PIN was taken, or another process was first; the next run sees that, or makes up another.
const maxClashes = 5

// update runs what is to change something; its audit records go the same way as the changes. Like
// the store, it may run fn again.
func update(ctx context.Context, st store.Store, o Options, caller Caller, op operation, fn func(*change) error) error {
	run := func(tx store.Tx) error {
		c := &change{
			Tx:        tx,
			caller:    caller,
			operation: op,
			now:       o.Clock().UTC().Truncate(time.Millisecond), // as it will be read back
			newID:     o.NewID,
			random:    o.Rand,
		}
		err := fn(c)
		if err != nil || len(c.audit) == 0 {
			return err
		}
		return tx.AppendAudit(c.audit)
	}
	err := st.Update(ctx, run)
	for range maxClashes {
		if !errors.Is(err, store.ErrExists) {
			break
		}
		err = st.Update(ctx, run)
	}
	return err
}
