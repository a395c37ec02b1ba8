// Package extension is the contract of what a service of ours offers beyond the Chime API: see
// [Operations]. Like package chime it holds facts only. Clients call these operations like any
// other, with a signature for the same service; the actions of policies have a prefix of their own.
package extension

import (
	"math"

	"github.com/carillon-project/carillon/internal/model"
)

// ActionPrefix is the service in the actions of policies: "carillon:ReadAudit".
const ActionPrefix = "carillon"

// AuditPage is the most records, and the default number, of a page of [ReadAudit].
const AuditPage = 1000

// Operations lists all of them.
var Operations = []*model.Operation{&ReadAudit, &RecordJob}

// ReadAudit lists the audit trail of the AWS account of the key, the oldest record first. All
// members of the input but the last two narrow the choice, as the flags of carillon audit do. A
// page is shorter, or empty, if few of the records that it has looked at pass.
var ReadAudit = model.Operation{
	Name: "ReadAudit", Method: "GET", Path: "/carillon/audit", Status: 200,
	Input: structure("ReadAuditRequest",
		query("AccountId", "account-id", &text),
		query("Target", "target", &text), // what was changed, such as a user's id
		query("Email", "email", &text),   // of a user: records that say it, or are about whoever has it now
		query("Key", "key", &text),       // the id or the name of a key
		query("Job", "job", &text),       // a bulk job
		query("Since", "since", &text),   // 2026-03-01T12:00:00.123Z
		query("Until", "until", &text),
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

// RecordJob tells the audit trail of an account that a bulk job begins or, with an Outcome, has
// ended.
var RecordJob = model.Operation{
	Name: "RecordJob", Method: "POST", Path: "/carillon/jobs/{jobId}", Status: 204,
	Input: structure("RecordJobRequest",
		model.Member{Name: "JobId", Shape: &text, Location: model.URI, WireName: "jobId", Required: true},
		model.Member{Name: "AccountId", Shape: &text},
		model.Member{Name: "Action", Shape: &text},  // "update", "suspend", ...
		model.Member{Name: "Outcome", Shape: &text}, // "finished", "stopped", "interrupted"; empty at the beginning
		model.Member{Name: "Left", Shape: &count},   // users whose turn is to come
		model.Member{Name: "Done", Shape: &count},
		model.Member{Name: "Failed", Shape: &count},
	),
}

var count = model.Shape{Name: "Count", Kind: model.Integer, Min: 0, Max: math.MaxInt32}

var text = model.Shape{Name: "Text", Kind: model.String, Min: model.Unbounded, Max: model.Unbounded}

func structure(name string, members ...model.Member) *model.Shape {
	return &model.Shape{Name: name, Kind: model.Structure, Members: members, Min: model.Unbounded, Max: model.Unbounded}
}

func query(name, wireName string, shape *model.Shape) model.Member {
	return model.Member{Name: name, Shape: shape, Location: model.Query, WireName: wireName}
}
