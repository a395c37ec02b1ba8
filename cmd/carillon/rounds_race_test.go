//go:build race

package main

// defaultRounds: crash tests look for what a race detector does not see, so one is enough beside
// it.
const defaultRounds = 1

// underRaceDetector: it takes several times the memory.
const underRaceDetector = true
