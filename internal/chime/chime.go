// Package chime is the contract of the Amazon Chime administration API (2018-05-01) as static
// tables: 62 operations with their HTTP bindings, shapes, bounds and paginators. Clients read it.
// Package api, below this one, is the same contract in types, for the service.
//
// Start at [Service]. The facts are in chime.json, which the program in extract made from the
// public model. The program in gen turns chime.json into the Go files of both packages. manual.go
// and examples.go hold the texts for help, which are written by hand.
package chime

// Chime is a global service: it has one endpoint for all of partition aws.
//go:generate go run ./gen -global-region us-east-1
