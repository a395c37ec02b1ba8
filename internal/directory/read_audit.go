package directory

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/store"
)

// ReadAudit answers [extension.ReadAudit] with a page of the trail of the caller's AWS account.
func (s *Service) ReadAudit(ctx context.Context, r api.Request) ([]byte, error) {
	filter := store.AuditFilter{AccountID: r.Query.Get("account-id"), Target: r.Query.Get("target"), Key: r.Query.Get("key"), Operation: r.Query.Get("operation-name"), Job: r.Query.Get("job")}
	var err error
	for name, at := range map[string]*time.Time{"since": &filter.Since, "until": &filter.Until} {
		if *at, err = timeNamed(name, r.Query.Get(name)); err != nil {
			return nil, err
		}
	}
	switch text := r.Query.Get("newest"); text {
	case "true", "false", "":
		filter.Newest = text == "true"
	default:
		return nil, api.BadRequest("newest must be true or false, not %.60q", text)
	}
	limit := extension.AuditPage
	if text := r.Query.Get("max-results"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > extension.AuditPage {
			return nil, api.BadRequest("max-results must be a number from 1 to %d, not %.60q", extension.AuditPage, text)
		}
	}
	email := address.Key(r.Query.Get("email"))
	return read(ctx, s, func(tx store.ReadTx, caller Caller) ([]byte, error) {
		list := s.listing("ReadAudit", caller.AWSAccountID, filter.AccountID, filter.Target, email, filter.Key, filter.Job,
			stampOf(filter.Since).String(), stampOf(filter.Until).String(), filter.Operation, strconv.FormatBool(filter.Newest))
		token := r.Query.Get("next-token")
		after, err := list.after(&token)
		if err != nil {
			return nil, err
		}
		look := limit
		if email != "" { // what the store does not filter by
			look += store.ScanRows
		}
		records, next, err := tx.Audit(caller.AWSAccountID, filter, after, look)
		if err != nil {
			return nil, err
		}
		if email != "" {
			holders, err := holders(tx, caller, email)
			if err != nil {
				return nil, err
			}
			records = slices.DeleteFunc(records, func(r store.AuditRecord) bool { return !saysEmail(r, email) && !holders[r.Target] })
			records, next = store.CutAudit(records, next, limit)
		}
		entries, err := withEmails(tx, records)
		if err != nil {
			return nil, err
		}
		rows := []any{}
		for _, e := range entries {
			row := AuditDocument(e)
			row.Set("Before", e.Before)
			row.Set("After", e.After)
			rows = append(rows, row)
		}
		page := document.NewObject(document.Member{Key: "AuditRecords", Value: rows})
		if token := list.token(next); token != nil {
			page.Set("NextToken", *token)
		}
		return document.AppendCompact(nil, page), nil
	})
}

// holders returns the ids of the caller's users who have an address now.
func holders(tx store.ReadTx, caller Caller, email string) (map[string]bool, error) {
	all, err := tx.Addresses([]string{email})
	ids := map[string]bool{}
	for _, h := range all {
		if _, e := tx.Account(caller.AWSAccountID, h.AccountID); e == nil {
			ids[h.UserID] = true
		} else if !errors.Is(e, store.ErrNotFound) {
			return nil, e
		}
	}
	return ids, err
}
