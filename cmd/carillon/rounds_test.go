//go:build !race

package main

// defaultRounds is how often a crash test strikes unless -rounds says otherwise.
const defaultRounds = 10

const underRaceDetector = false
