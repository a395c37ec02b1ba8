// Package extension is the contract of what a service of ours offers beyond the Chime API: see
// [Operations]. Like package chime it holds facts only. Clients call these operations like any
// other, with a signature for the same service; the actions of policies have a prefix of their own.
package extension

import (
	"math"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
)

// ActionPrefix is the service in the actions of policies: "carillon:ReadAudit".
const ActionPrefix = "carillon"

// SearchPage is the number of users of a page of [SearchUsers] if the request does not say.
const SearchPage = 50

// AuditPage is the most records, and the default number, of a page of [ReadAudit].
const AuditPage = 1000

// PolicyLength is the most characters of a policy in [CreateKey], which is as many as IAM takes.
const PolicyLength = 6144

// JobPage is the most jobs, and the default number, of a page of [ListJobs].
const JobPage = 100

// JobRunning is the Outcome of a bulk job that has not ended.
const JobRunning = "running"

// Operations lists all of them.
var Operations = []*model.Operation{
	&ReadAudit,
	&SearchUsers,
	&CountUsers,
	&RecordJob,
	&ListJobs,
	&ReadJob,
	&ListKeys,
	&CreateKey,
	&DisableKey,
	&EnableKey,
	&DeleteKey,
}

// ReadAudit lists the audit trail of the AWS account of the key, the oldest record first unless
// Newest says otherwise. All members of the input but the last three narrow the choice, as the
// flags of carillon audit do. A page is shorter, or empty, if few of the records that it has looked
// at pass.
var ReadAudit = model.Operation{
	Name: "ReadAudit", Method: "GET", Path: "/carillon/audit", Status: 200,
	Input: structure("ReadAuditRequest",
		query("AccountId", "account-id", &text),
		query("Target", "target", &text), // what was changed, such as a user's id
		query("Email", "email", &text),   // of a user: records that say it, or are about whoever has it now
		query("Key", "key", &text),       // the id or the name of a key
		query("Operation", "operation-name", &text),
		query("Job", "job", &text),     // a bulk job
		query("Since", "since", &text), // 2026-03-01T12:00:00.123Z
		query("Until", "until", &text),
		query("Newest", "newest", &model.Shape{Name: "Newest", Kind: model.Boolean}), // the newest record first
		query("MaxResults", "max-results", &model.Shape{Name: "AuditPageSize", Kind: model.Integer, Min: 1, Max: AuditPage}),
		query("NextToken", "next-token", &text),
	),
	Output: structure("ReadAuditResponse",
		model.Member{Name: "AuditRecords", Shape: &model.Shape{Name: "AuditRecords", Kind: model.List, Element: structure("AuditRecord",
			model.Member{Name: "Time", Shape: &text},
			model.Member{Name: "AwsAccountId", Shape: &text},
			model.Member{Name: "AccountId", Shape: &text},
			model.Member{Name: "Operation", Shape: &text},
			model.Member{Name: "Target", Shape: &text},
			model.Member{Name: "Before", Shape: &text}, // JSON, or empty
			model.Member{Name: "After", Shape: &text},  // JSON, or empty
			model.Member{Name: "KeyName", Shape: &text},
			model.Member{Name: "KeyId", Shape: &text},
			model.Member{Name: "RequestId", Shape: &text},
			model.Member{Name: "UserAgent", Shape: &text},
			model.Member{Name: "TargetEmail", Shape: &text},
		), Min: model.Unbounded, Max: model.Unbounded}},
		model.Member{Name: "NextToken", Shape: &text},
	),
}

// SearchUsers lists the users of an account that pass all of what narrows the choice. Those whose
// address begins with the text come first, in the order of their addresses; the others come in the
// order of ListUsers. A page has looked at a bounded number of users: it may be short, or empty,
// though it has a token and more follow.
var SearchUsers = model.Operation{
	Name: "SearchUsers", Method: "GET", Path: "/carillon/accounts/{accountId}/users", Status: 200,
	Input: structure("SearchUsersRequest",
		accountID,
		query("Text", "text", &model.Shape{Name: "SearchText", Kind: model.String, Min: model.Unbounded, Max: 320}), // a part of the address or of the display name, in any case
		query("License", "license", ofUser("LicenseType")),
		query("UserType", "user-type", ofUser("UserType")),
		query("Registration", "registration", ofUser("UserRegistrationStatus")),
		query("RegisteredSince", "registered-since", &text), // 2026-03-01T12:00:00.123Z
		query("RegisteredUntil", "registered-until", &text), // before this moment, and not never
		query("InvitedSince", "invited-since", &text),
		query("InvitedUntil", "invited-until", &text),
		query("MaxResults", "max-results", &model.Shape{Name: "SearchPageSize", Kind: model.Integer, Min: 1, Max: 200}),
		query("NextToken", "next-token", &text),
	),
	Output: structure("SearchUsersResponse",
		model.Member{Name: "Users", Shape: &model.Shape{Name: "UserList", Kind: model.List, Element: user, Min: model.Unbounded, Max: model.Unbounded}},
		model.Member{Name: "NextToken", Shape: &text},
	),
}

// CountUsers counts the users of an account by license and registration. A count reads all users,
// so the service repeats one for a minute: Time says when that was.
var CountUsers = model.Operation{
	Name: "CountUsers", Method: "GET", Path: "/carillon/accounts/{accountId}/count", Status: 200,
	Input: structure("CountUsersRequest", accountID),
	Output: structure("CountUsersResponse",
		model.Member{Name: "Counts", Shape: &model.Shape{Name: "UserCounts", Kind: model.List, Element: structure("UserCount",
			model.Member{Name: "License", Shape: &text},
			model.Member{Name: "Registration", Shape: &text},
			model.Member{Name: "Users", Shape: &count},
		), Min: model.Unbounded, Max: model.Unbounded}},
		model.Member{Name: "Time", Shape: &text},
	),
}

// RecordJob tells the service that a bulk job begins or, with an Outcome, has ended: the audit
// trail of the account then says so. With the Outcome [JobRunning] it tells how far a job has come,
// which [ListJobs] shows and the trail does not.
var RecordJob = model.Operation{
	Name: "RecordJob", Method: "POST", Path: "/carillon/jobs/{jobId}", Status: 204,
	Input: structure("RecordJobRequest",
		jobID,
		model.Member{Name: "AccountId", Shape: &text},
		model.Member{Name: "Action", Shape: &text},  // "update", "suspend", ...
		model.Member{Name: "Outcome", Shape: &text}, // "finished", "stopped", "interrupted"; empty at the beginning
		model.Member{Name: "Left", Shape: &count},   // users whose turn is to come
		model.Member{Name: "Done", Shape: &count},
		model.Member{Name: "Failed", Shape: &count},
		model.Member{Name: "By", Shape: &text},     // the person who began it, as their machine names them
		model.Member{Name: "Undoes", Shape: &text}, // the job that this one undoes
	),
}

// ListJobs lists the bulk jobs that have told of themselves in the AWS account of the key, the
// newest first.
var ListJobs = model.Operation{
	Name: "ListJobs", Method: "GET", Path: "/carillon/jobs", Status: 200,
	Input: structure("ListJobsRequest",
		query("AccountId", "account-id", &text),
		query("MaxResults", "max-results", &model.Shape{Name: "JobPageSize", Kind: model.Integer, Min: 1, Max: JobPage}),
		query("NextToken", "next-token", &text),
	),
	Output: structure("ListJobsResponse",
		model.Member{Name: "Jobs", Shape: &model.Shape{Name: "Jobs", Kind: model.List, Element: job, Min: model.Unbounded, Max: model.Unbounded}},
		model.Member{Name: "NextToken", Shape: &text},
	),
}

// ReadJob shows what a bulk job has told of itself.
var ReadJob = model.Operation{
	Name: "ReadJob", Method: "GET", Path: "/carillon/jobs/{jobId}", Status: 200,
	Input:  structure("ReadJobRequest", jobID),
	Output: structure("ReadJobResponse", model.Member{Name: "Job", Shape: job}),
}

var jobID = model.Member{Name: "JobId", Shape: &text, Location: model.URI, WireName: "jobId", Required: true}

var job = structure("Job",
	model.Member{Name: "JobId", Shape: &text},
	model.Member{Name: "AccountId", Shape: &text},
	model.Member{Name: "Action", Shape: &text},
	model.Member{Name: "By", Shape: &text},
	model.Member{Name: "Undoes", Shape: &text},
	model.Member{Name: "KeyId", Shape: &text}, // that it began with
	model.Member{Name: "KeyName", Shape: &text},
	model.Member{Name: "Began", Shape: &text},
	model.Member{Name: "Latest", Shape: &text}, // when it told of itself the last time: it may have died since
	model.Member{Name: "Left", Shape: &count},
	model.Member{Name: "Done", Shape: &count},
	model.Member{Name: "Failed", Shape: &count},
	model.Member{Name: "Outcome", Shape: &text},  // [JobRunning] until it has ended
	model.Member{Name: "UndoneBy", Shape: &text}, // the job that undid it, if that has finished and was not undone itself
)

// ListKeys lists the access keys of the AWS account of the key, disabled and expired ones too, the
// oldest first.
var ListKeys = model.Operation{
	Name: "ListKeys", Method: "GET", Path: "/carillon/keys", Status: 200,
	Output: structure("ListKeysResponse",
		model.Member{Name: "Keys", Shape: &model.Shape{Name: "Keys", Kind: model.List, Element: key, Min: model.Unbounded, Max: model.Unbounded}},
	),
}

// CreateKey makes an access key in the AWS account of the key. The secret is shown nowhere else.
var CreateKey = model.Operation{
	Name: "CreateKey", Method: "POST", Path: "/carillon/keys", Status: 201,
	Input: structure("CreateKeyRequest",
		model.Member{Name: "Name", Shape: &text}, // unique in the AWS account
		model.Member{Name: "Policy", Shape: &model.Shape{Name: "Policy", Kind: model.String, Min: model.Unbounded, Max: PolicyLength}}, // the name of a managed policy, or a policy document
		model.Member{Name: "Expires", Shape: &text}, // 2026-03-01T12:00:00Z; without it, never
	),
	Output: structure("CreateKeyResponse",
		model.Member{Name: "Key", Shape: key},
		model.Member{Name: "SecretAccessKey", Shape: &text},
	),
}

// DisableKey makes the service refuse an access key from the next request on. [EnableKey] takes
// that back.
var DisableKey = model.Operation{
	Name: "DisableKey", Method: "POST", Path: "/carillon/keys/{keyId}", Query: "operation=disable", Status: 200,
	Input: keyNamed("DisableKeyRequest"), Output: structure("DisableKeyResponse", model.Member{Name: "Key", Shape: key}),
}

// EnableKey takes back what [DisableKey] has done.
var EnableKey = model.Operation{
	Name: "EnableKey", Method: "POST", Path: "/carillon/keys/{keyId}", Query: "operation=enable", Status: 200,
	Input: keyNamed("EnableKeyRequest"), Output: structure("EnableKeyResponse", model.Member{Name: "Key", Shape: key}),
}

// DeleteKey removes an access key for good.
var DeleteKey = model.Operation{
	Name: "DeleteKey", Method: "DELETE", Path: "/carillon/keys/{keyId}", Status: 204,
	Input: keyNamed("DeleteKeyRequest"),
}

var key = structure("Key",
	model.Member{Name: "KeyId", Shape: &text},
	model.Member{Name: "Name", Shape: &text},
	model.Member{Name: "Policy", Shape: &text}, // empty for a root key
	model.Member{Name: "Root", Shape: &flag},   // may do everything in its AWS account
	model.Member{Name: "Disabled", Shape: &flag},
	model.Member{Name: "Created", Shape: &text},
	model.Member{Name: "Expires", Shape: &text},  // not there: never
	model.Member{Name: "LastUsed", Shape: &text}, // the beginning of the day in UTC; not there: never
)

func keyNamed(request string) *model.Shape {
	return structure(request, model.Member{Name: "KeyId", Shape: &text, Location: model.URI, WireName: "keyId", Required: true})
}

var flag = model.Shape{Name: "Flag", Kind: model.Boolean, Min: model.Unbounded, Max: model.Unbounded}

var count = model.Shape{Name: "Count", Kind: model.Integer, Min: 0, Max: math.MaxInt32}

var text = model.Shape{Name: "Text", Kind: model.String, Min: model.Unbounded, Max: model.Unbounded}

var accountID = model.Member{Name: "AccountId", Shape: &text, Location: model.URI, WireName: "accountId", Required: true}

// user is a user as the API shows one.
var user = chime.Service.Operation("ListUsers").Output.Member("Users").Shape.Element

func ofUser(member string) *model.Shape { return user.Member(member).Shape }

func structure(name string, members ...model.Member) *model.Shape {
	return &model.Shape{Name: name, Kind: model.Structure, Members: members, Min: model.Unbounded, Max: model.Unbounded}
}

func query(name, wireName string, shape *model.Shape) model.Member {
	return model.Member{Name: name, Shape: shape, Location: model.Query, WireName: wireName}
}
