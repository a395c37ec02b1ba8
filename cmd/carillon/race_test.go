//go:build race

package main

// underRaceDetector: it takes several times the memory.
const underRaceDetector = true
