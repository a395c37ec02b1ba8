// Package chime is the contract of the Amazon Chime administration API (2018-05-01): its 62
// operations with their HTTP bindings, shapes, bounds, errors and paginators, as static
// tables. The command line walks them; the service's typed half of the same contract is
// package api below this one.
//
// The facts are in chime.json, which the program in extract made from the public model; the
// program in gen turns chime.json into both Go files.
package chime

// Chime belongs to a partition, not to a region: partition aws has one endpoint for it.
//go:generate go run ./gen -global-region us-east-1
