// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/monarc-project/stats-service/client"
)

const (
	// maxMessage is how many characters of what the peer says are shown.
	maxMessage = 300
	// maxRetryAfter is the longest that a peer is waited for on its request; one
	// that asks for more ends the work.
	maxRetryAfter = 5 * time.Minute
)

// peerError is a request to the peer that did not succeed.
type peerError struct {
	server  string
	status  int               // of the answer; 0: there was none, or it cannot be read
	message string            // what the peer said
	fields  map[string]string // what it said about single fields
	after   time.Duration     // how long it asked to wait; 0: it did not
	cause   error             // of a status 0
	lasting bool              // asking again is of no use
	foreign bool              // what it answers is not in the words of the API
}

// Unwrap returns the failure as the client knows it, which decides about
// repetitions.
func (f *peerError) Unwrap() error {
	cause := f.cause
	if f.lasting {
		cause = errors.Join(client.ErrNotService, cause)
	}
	return &client.Error{Status: f.status, RetryAfter: f.after, Err: cause}
}

// rightAddress is asked where the peer does not talk like a stats service.
const rightAddress = "is this the address of a stats service?"

func (f *peerError) Error() string {
	said := fmt.Sprintf("the peer %s answers %s", f.server, f.reason())
	if f.status == 0 {
		said = fmt.Sprintf("the peer %s cannot be reached or understood: %s", f.server, f.cause)
	}
	if advice := f.advice(); advice != "" {
		return said + ": " + advice
	}
	return said
}

// advice is what to do about it; empty: nothing that could be told.
func (f *peerError) advice() string {
	switch {
	case f.after > maxRetryAfter:
		return fmt.Sprintf("it asks to wait %s, run again after that", f.after.Round(time.Second))
	case f.status == http.StatusBadRequest && f.foreign:
		return rightAddress + " This is not how one refuses: check REMOTE_STATS_SERVER (http or https?) and what stands before the peer"
	case f.status/100 == 3:
		return rightAddress + " If so, set REMOTE_STATS_SERVER to the address that it redirects to"
	case f.status == http.StatusUnauthorized || f.status == http.StatusForbidden:
		return f.tokenAdvice()
	case f.status == http.StatusNotFound || f.status/100 == 2:
		return rightAddress
	case f.foreign && (f.status == 0 || f.status/100 == 4 && !f.transient()):
		return rightAddress
	}
	return ""
}

func (f *peerError) tokenAdvice() string {
	const advice = "check the token, which must be that of an active client of the peer"
	if f.foreign {
		return advice + "; " + rightAddress
	}
	return advice
}

// reason is the status and what the peer said.
func (f *peerError) reason() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", f.status, http.StatusText(f.status)))
	if f.message != "" {
		text += " (" + f.message + ")"
	}
	return text
}

// transient reports whether the same request may succeed later.
func (f *peerError) transient() bool {
	said, _ := errors.AsType[*client.Error](f.Unwrap())
	return said.Temporary() && f.after <= maxRetryAfter
}

// lost is a request without an answer that can be read.
func (l *link) lost(err error) *peerError {
	return &peerError{server: l.server, cause: err}
}

// refusal reads an answer that is none of success, and closes it.
func (l *link) refusal(response *http.Response) *peerError {
	said := client.ReadError(response, l.Now())
	f := &peerError{server: l.server, status: said.Status, fields: said.Fields, after: said.RetryAfter}
	var parts []string
	if said.Message != "" {
		parts = append(parts, said.Message)
	}
	f.message = strings.Join(append(parts, listFields(f.fields)...), ": ")
	f.foreign = f.message == "" || said.Err != nil
	if location := response.Header.Get("Location"); location != "" && f.status/100 == 3 {
		f.message = tidy(location)
	}
	return f
}

// listFields returns one text about all fields, or none.
func listFields(fields map[string]string) []string {
	if len(fields) == 0 {
		return nil
	}
	texts := make([]string, 0, len(fields))
	for name, reason := range fields {
		texts = append(texts, tidy(name)+" "+reason)
	}
	slices.Sort(texts)
	return []string{tidy(strings.Join(texts, "; "))}
}

// tidy makes a text of the peer fit for a terminal and a line of the log.
func tidy(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
	if runes := []rune(text); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "…"
	}
	return text
}
