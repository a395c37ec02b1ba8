package nearest_test

import (
	"testing"

	"github.com/carillon-project/carillon/internal/nearest"
)

func TestOf(t *testing.T) {
	words := []string{"operation", "probability", "ThrottledClientException", "NotFoundException", "user", "used", "id"}
	for word, want := range map[string]string{
		"operatoin": "operation", "Operation": "operation", "throttled": "ThrottledClientException", "not-found": "NotFoundException",
		"use": "used", "usex": "used", "propability": "probability", "": "", "x": "", "colour": "", "ID": "id", "ix": "",
	} {
		if got := nearest.Of(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := nearest.Of("user", nil); got != "" {
		t.Errorf("of no words: got %q", got)
	}
}

func TestTypo(t *testing.T) {
	words := []string{"CreateMeetingDialOut", "GetUser", "ListUsers", "chime", "id"}
	for word, want := range map[string]string{
		"CreateMeeting": "", "ListUser": "ListUsers", "getuser": "GetUser", "GetUsers": "GetUser", "chimee": "chime", "hcime": "chime",
		"ch": "", "s3": "", "": "", "ix": "", "Zzzz": "",
	} {
		if got := nearest.Typo(word, words); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
