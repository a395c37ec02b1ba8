//go:build race

package main

// defaultRounds: crash tests look for what a race detector does not see, so one is enough beside it.
const defaultRounds = 1
