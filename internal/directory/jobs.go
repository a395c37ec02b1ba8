package directory

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/store"
)

// What a job may call itself, and the words for what it does. Both are shown to people, and no name
// of a job can be taken for the id of a user.
var (
	jobName = pattern(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$`)
	jobWord = pattern(`^[a-z-]{1,32}$`)
)

// personLength bounds the name of a person.
const personLength = 128

// RecordJob answers [extension.RecordJob] by a record in the trail of the account, unless the job
// tells only how far it has come, and by the row of the job. Both say what the client says.
func (s *Service) RecordJob(ctx context.Context, r api.Request) ([]byte, error) {
	var in struct {
		AccountID          string `json:"AccountId"`
		Action, Outcome    string
		Left, Done, Failed int
		By, Undoes         string
	}
	if json.Unmarshal(r.Body, &in) != nil {
		return nil, api.BadRequest("The body must be a JSON object of AccountId, Action, Outcome, By, Undoes, and the numbers Left, Done and Failed")
	}
	id := r.Label("jobId")
	switch {
	case !jobName().MatchString(id):
		return nil, noJobName(id)
	case !jobWord().MatchString(in.Action):
		return nil, api.BadRequest("Action must be a word in small letters, not %.60q", in.Action)
	case in.Outcome != "" && !jobWord().MatchString(in.Outcome):
		return nil, api.BadRequest("Outcome must be a word in small letters, not %.60q", in.Outcome)
	case in.AccountID == "":
		return nil, api.BadRequest("AccountId is missing")
	case min(in.Left, in.Done, in.Failed) < 0 || max(in.Left, in.Done, in.Failed) > math.MaxInt32:
		return nil, api.BadRequest("Left, Done and Failed must be numbers of users from 0 to %d", math.MaxInt32)
	case utf8.RuneCountInString(in.By) > personLength || strings.ContainsFunc(in.By, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return nil, api.BadRequest("By must be the name of a person, in %d characters at most", personLength)
	case in.Undoes != "" && !jobName().MatchString(in.Undoes):
		return nil, noJobName(in.Undoes)
	}
	op := opEndJob
	switch in.Outcome {
	case "":
		op = opBeginJob
	case extension.JobRunning:
		op = operation{} // leaves no record
	}
	told := []document.Member{
		{Key: "Action", Value: in.Action},
		{Key: "Outcome", Value: in.Outcome},
		{Key: "Done", Value: document.Int(in.Done)},
		{Key: "Failed", Value: document.Int(in.Failed)},
		{Key: "Left", Value: document.Int(in.Left)},
	}
	return write(ctx, s, op, func(c *change) ([]byte, error) {
		a, err := c.account(in.AccountID)
		if err != nil {
			return nil, err
		}
		job, err := c.Job(c.caller.AWSAccountID, id)
		known := err == nil
		switch {
		case errors.Is(err, store.ErrNotFound):
			job = store.Job{
				AWSAccountID: c.caller.AWSAccountID, JobID: id, AccountID: a.AccountID, Action: in.Action, By: in.By, Undoes: in.Undoes,
				KeyID: c.caller.KeyID, KeyName: c.caller.KeyName, Began: c.now,
			}
		case err != nil:
			return nil, err
		case job.AccountID != a.AccountID:
			return nil, api.Errorf(api.ConflictException, "The job %s is one of another account: a job has a name of its own", id)
		case in.Outcome == extension.JobRunning && job.Outcome != extension.JobRunning:
			return nil, nil // was overtaken by the word that the job has ended
		}
		job.Latest, job.Left, job.Done, job.Failed, job.Outcome = c.now, in.Left, in.Done, in.Failed, in.Outcome
		if in.Outcome == "" {
			job.Outcome = extension.JobRunning
		}
		if in.Outcome != extension.JobRunning {
			c.record(a, id, nil, told)
		}
		if known {
			return nil, c.UpdateJob(job)
		}
		return nil, c.InsertJob(&job)
	})
}

func noJobName(id string) error {
	return api.BadRequest("A job has a name such as 20260301-120000-1f3a5c, not %.80q", id)
}

// ListJobs answers [extension.ListJobs] with a page of the jobs of the caller's AWS account.
func (s *Service) ListJobs(ctx context.Context, r api.Request) ([]byte, error) {
	q := query{request: r}
	filter := store.JobFilter{AccountID: q.get("account-id")}
	limit := q.pageSize(extension.JobPage, extension.JobPage)
	if q.err != nil {
		return nil, q.err
	}
	return read(ctx, s, func(tx store.ReadTx, caller Caller) ([]byte, error) {
		list := s.listing("ListJobs", caller.AWSAccountID, filter.AccountID)
		before, err := list.after(new(q.get("next-token")))
		if err != nil {
			return nil, err
		}
		jobs, next, err := tx.ListJobs(caller.AWSAccountID, filter, before, limit)
		if err != nil {
			return nil, err
		}
		var later undos
		if len(jobs) > 0 {
			if later, err = undosAfter(tx, jobs[len(jobs)-1], filter); err != nil {
				return nil, err
			}
		}
		rows := []any{}
		for _, job := range jobs {
			rows = append(rows, jobDocument(job, later.of(job)))
		}
		page := document.NewObject(document.Member{Key: "Jobs", Value: rows})
		if token := list.token(next); token != nil {
			page.Set("NextToken", *token)
		}
		return document.AppendCompact(nil, page), nil
	})
}

// ReadJob answers [extension.ReadJob] with a job of the caller's AWS account.
func (s *Service) ReadJob(ctx context.Context, r api.Request) ([]byte, error) {
	id := r.Label("jobId")
	return read(ctx, s, func(tx store.ReadTx, caller Caller) ([]byte, error) {
		job, err := tx.Job(caller.AWSAccountID, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, api.Errorf(api.NotFoundException, "No job %.80q has told of itself", id)
		}
		if err != nil {
			return nil, err
		}
		var later undos
		if job.Outcome == jobFinished { // people watch those that have not
			if later, err = undosAfter(tx, job, store.JobFilter{AccountID: job.AccountID}); err != nil {
				return nil, err
			}
		}
		return document.AppendCompact(nil, document.NewObject(document.Member{Key: "Job", Value: jobDocument(job, later.of(job))})), nil
	})
}

// jobFinished is the Outcome of a job that has an end for all its users.
const jobFinished = "finished"

// undos are jobs that undo others, by the ids of those.
type undos map[string][]store.Job

// mostUndos is how many jobs are looked through for those that undo one. It bounds what a page of
// jobs costs: an undo that so many others came before is not found.
const mostUndos = 10_000

// undosAfter returns the undos that came after a job. Those of it are among them: an undo is
// planned when its job has finished. There is no index of them, since people begin few jobs.
func undosAfter(tx store.ReadTx, job store.Job, filter store.JobFilter) (undos, error) {
	list, err := tx.ListUndoing(job.AWSAccountID, filter, job.Entry, mostUndos)
	found := undos{}
	for _, u := range list {
		found[u.Undoes] = append(found[u.Undoes], u)
	}
	return found, err
}

// of returns the id of the job that undid a job, empty for none: one that has finished, has done
// something, and was not undone itself. Of several it is the one that did the most.
func (all undos) of(j store.Job) (id string) {
	if j.Outcome != jobFinished {
		return ""
	}
	most := 0
	for _, u := range all[j.JobID] {
		if u.AccountID == j.AccountID && u.Entry > j.Entry && u.Outcome == jobFinished && u.Done > most && all.of(u) == "" {
			id, most = u.JobID, u.Done
		}
	}
	return id
}

func jobDocument(j store.Job, undoneBy string) *document.Object {
	return document.NewObject(
		document.Member{Key: "JobId", Value: j.JobID},
		document.Member{Key: "AccountId", Value: j.AccountID},
		document.Member{Key: "Action", Value: j.Action},
		document.Member{Key: "By", Value: j.By},
		document.Member{Key: "Undoes", Value: j.Undoes},
		document.Member{Key: "KeyId", Value: j.KeyID},
		document.Member{Key: "KeyName", Value: j.KeyName},
		document.Member{Key: "Began", Value: api.FormatTime(j.Began)},
		document.Member{Key: "Latest", Value: api.FormatTime(j.Latest)},
		document.Member{Key: "Left", Value: document.Int(j.Left)},
		document.Member{Key: "Done", Value: document.Int(j.Done)},
		document.Member{Key: "Failed", Value: document.Int(j.Failed)},
		document.Member{Key: "Outcome", Value: j.Outcome},
		document.Member{Key: "UndoneBy", Value: undoneBy},
	)
}
