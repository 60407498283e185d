// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"strings"
	"testing"
)

func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	var s Summary
	for range 3 {
		s.refuse(make([]Refusal, 60)...)
	}
	if s.Refused != 180 || len(s.Refusals) != MaxRefusals {
		t.Errorf("%d refused, %d listed", s.Refused, len(s.Refusals))
	}
}

func TestPrintableTextIsSafe(t *testing.T) {
	t.Parallel()
	long := make([]rune, 2*maxMessage)
	for i := range long {
		long[i] = 'é'
	}
	for text, want := range map[string]string{
		" a\r\nb\x1b[31m ": "a  b [31m",
		"\xff":             "\ufffd",
		string(long):       string(long[:maxMessage]) + "…",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// A list of good stats without an end comes to one as well.
func TestListsHaveATotalLimit(t *testing.T) {
	t.Parallel()
	l := &link{server: "http://127.0.0.1"}
	for text, want := range map[string]bool{
		`{"data":[` + strings.Repeat(`"0123456789",`, 99) + `1]}`:    true,
		`{"data":[` + strings.Repeat(`"0123456789",`, 9_999) + `1]}`: false,
	} {
		b := newBounded(strings.NewReader(text), l, limits{element: 100, outside: 100, whole: 2_000})
		_, err := readAcknowledgement(b)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "its answer is too long") {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}
