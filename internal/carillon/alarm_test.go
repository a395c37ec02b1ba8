package carillon_test

import (
	"strings"
	"sync"
)

// alarm keeps what is written to it, and rings when it has a text.
type alarm struct {
	at   string
	ring func()

	mu   sync.Mutex
	text strings.Builder
}

func (a *alarm) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text.Write(b)
	if strings.Contains(a.text.String(), a.at) {
		a.ring()
	}
	return len(b), nil
}

func (a *alarm) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text.String()
}
