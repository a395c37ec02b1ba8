package carillon

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/report"
)

// audit reads the trail of the AWS account of the key, like [directory.Operator.Audit].
func (r *remote) audit(ctx context.Context, query directory.AuditQuery) iter.Seq2[directory.AuditEntry, error] {
	return func(yield func(directory.AuditEntry, error) bool) {
		if err := r.walk(ctx, query, func(e directory.AuditEntry) bool { return yield(e, nil) }); err != nil {
			yield(directory.AuditEntry{}, err)
		}
	}
}

func (r *remote) walk(ctx context.Context, query directory.AuditQuery, fn func(directory.AuditEntry) bool) error {
	input := new(document.Object)
	setTexts(input, "AccountId", query.AccountID)
	if !strings.Contains(query.User, "@") {
		setTexts(input, "Target", query.User, "Key", query.Key, "Job", query.Job, "Since", when(query.Since), "Until", when(query.Until))
		return r.entries(ctx, input, fn)
	}
	// The records in which a user comes and goes say the address, and the service knows who has it
	// now. All other records have the id alone.
	var ids []string
	input.Set("Email", query.User)
	err := r.entries(ctx, input, func(e directory.AuditEntry) bool {
		ids = append(ids, e.Target)
		return true
	})
	slices.Sort(ids)
	if ids = slices.Compact(ids); err != nil || len(ids) == 0 {
		return err
	}
	query.User = ""
	if len(ids) == 1 {
		query.User = ids[0]
	}
	return r.walk(ctx, query, func(e directory.AuditEntry) bool { return !slices.Contains(ids, e.Target) || fn(e) })
}

// when is a time as the service reads it; empty for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return api.FormatTime(t)
}

// entries calls fn for the records of all pages, until it returns false.
func (r *remote) entries(ctx context.Context, input *document.Object, fn func(directory.AuditEntry) bool) error {
	for e, err := range report.Trail(ctx, r.pages, input) {
		if err != nil {
			return trailError(err)
		}
		if !fn(e) {
			break
		}
	}
	return nil
}

// trailError says what to do about a service that does not show its trail.
func trailError(err error) error {
	refused, ok := errors.AsType[*client.ServiceError](err)
	switch {
	case ok && refused.Status == http.StatusForbidden:
		return &codedError{exitFailed, errors.New(refused.Message + " The policy of a key allows it by the action carillon:ReadAudit, and AmazonChimeFullAccess has it")}
	case ok && refused.Status == http.StatusNotFound:
		return &codedError{exitFailed, errors.New("the service at the endpoint has no audit trail to read: it is not carillon serve, or an older release")}
	}
	return err
}
