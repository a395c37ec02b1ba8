package directory

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/store"
)

// ReadAudit answers [extension.ReadAudit] with a page of the trail of the caller's AWS account.
func (s *Service) ReadAudit(ctx context.Context, r api.Request) ([]byte, error) {
	q := query{request: r}
	filter := store.AuditFilter{AccountID: q.get("account-id"), Target: q.get("target"), Key: q.get("key"),
		Operation: q.get("operation-name"), Job: q.get("job"), Since: q.time("since"), Until: q.time("until"),
		Newest: q.oneOf("newest", []string{"true", "false"}) == "true"}
	limit := q.pageSize(extension.AuditPage, extension.AuditPage)
	if q.err != nil {
		return nil, q.err
	}
	email := address.Key(q.get("email"))
	return read(ctx, s, func(tx store.ReadTx, caller Caller) ([]byte, error) {
		list := s.listing("ReadAudit", caller.AWSAccountID, filter.AccountID, filter.Target, email, filter.Key, filter.Job,
			stampOf(filter.Since).String(), stampOf(filter.Until).String(), filter.Operation, strconv.FormatBool(filter.Newest))
		after, err := list.after(new(q.get("next-token")))
		if err != nil {
			return nil, err
		}
		look, filter := limit, filter
		var holder map[string]bool
		if email != "" { // the store filters by a part of it
			look += store.ScanRows
			if holder, err = holders(tx, caller, email); err != nil {
				return nil, err
			}
			if filter.Target == "" && len(holder) <= 1 {
				filter.Emails = true
				for id := range holder {
					filter.Target = id
				}
			}
		}
		records, next, err := tx.Audit(caller.AWSAccountID, filter, after, look)
		if err != nil {
			return nil, err
		}
		if email != "" {
			records = slices.DeleteFunc(records, func(r store.AuditRecord) bool { return !saysEmail(r, email) && !holder[r.Target] })
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
