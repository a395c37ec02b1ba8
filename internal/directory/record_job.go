package directory

import (
	"context"
	"encoding/json"
	"math"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
)

// What a job may call itself, and the words for what it does. Both are shown to people, and no name
// of a job can be taken for the id of a user.
var (
	jobName = pattern(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$`)
	jobWord = pattern(`^[a-z-]{1,32}$`)
)

// RecordJob answers [extension.RecordJob] by a record in the trail of the account. It says what the
// client says.
func (s *Service) RecordJob(ctx context.Context, r api.Request) ([]byte, error) {
	var in struct {
		AccountID          string `json:"AccountId"`
		Action, Outcome    string
		Left, Done, Failed int
	}
	if json.Unmarshal(r.Body, &in) != nil {
		return nil, api.BadRequest("The body must be a JSON object of AccountId, Action, Outcome, and the numbers Left, Done and Failed")
	}
	job := r.Label("jobId")
	switch {
	case !jobName().MatchString(job):
		return nil, api.BadRequest("A job has a name such as 20260301-120000-1f3a5c, not %.80q", job)
	case !jobWord().MatchString(in.Action):
		return nil, api.BadRequest("Action must be a word in small letters, not %.60q", in.Action)
	case in.Outcome != "" && !jobWord().MatchString(in.Outcome):
		return nil, api.BadRequest("Outcome must be a word in small letters, not %.60q", in.Outcome)
	case in.AccountID == "":
		return nil, api.BadRequest("AccountId is missing")
	case min(in.Left, in.Done, in.Failed) < 0 || max(in.Left, in.Done, in.Failed) > math.MaxInt32:
		return nil, api.BadRequest("Left, Done and Failed must be numbers of users from 0 to %d", math.MaxInt32)
	}
	op := opBeginJob
	if in.Outcome != "" {
		op = opEndJob
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
		if err == nil {
			c.record(a, job, nil, told)
		}
		return nil, err
	})
}
