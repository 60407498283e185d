// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/monarc-project/stats-service/client"
)

const (
	// maxMessage bounds the characters of a peer's message that are shown.
	maxMessage = 300
	// maxRetryAfter bounds the wait that a peer may ask for; a longer one ends the
	// work.
	maxRetryAfter = 5 * time.Minute
)

// peerError is a request to the peer that did not succeed.
type peerError struct {
	server    string
	status    int               // of the response; 0 if there was none, or it cannot be read
	message   string            // of the peer
	fields    map[string]string // its messages about single fields
	after     time.Duration     // Retry-After; 0 if it sent none
	cause     error             // of a status 0
	permanent bool              // a retry is of no use
	foreign   bool              // the response is not one of the API
}

// Unwrap returns the failure as package client knows it, which decides about retries.
func (f *peerError) Unwrap() error {
	cause := f.cause
	if f.permanent {
		cause = errors.Join(client.ErrNotService, cause)
	}
	return &client.Error{Status: f.status, RetryAfter: f.after, Err: cause}
}

// rightAddress is the advice for a peer that does not respond like a stats service.
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

// advice returns what to do about the error, or an empty string.
func (f *peerError) advice() string {
	switch {
	case f.after > maxRetryAfter:
		return fmt.Sprintf("it asks to wait %s, run again after that", f.after.Round(time.Second))
	case f.status == http.StatusBadRequest && f.foreign:
		return rightAddress + " A stats service refuses in another way: check REMOTE_STATS_SERVER (http or https?) and the proxies before the peer"
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

// reason returns the status and the message of the peer.
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

// lost returns the error of a request without a readable response.
func (l *link) lost(err error) *peerError {
	return &peerError{server: l.server, cause: err}
}

// refusal reads and closes a response that is not a success.
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
		f.message = printable(location)
	}
	return f
}

// listFields returns one text about all fields, or nothing.
func listFields(fields map[string]string) []string {
	if len(fields) == 0 {
		return nil
	}
	texts := make([]string, 0, len(fields))
	for name, reason := range fields {
		texts = append(texts, printable(name)+" "+reason)
	}
	slices.Sort(texts)
	return []string{printable(strings.Join(texts, "; "))}
}

// printable returns a text of the peer in a form that is safe on a terminal and in the log.
func printable(text string) string {
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

// mayBeDueToStats reports whether the stats that were sent may be at fault.
func (f *peerError) mayBeDueToStats() bool {
	switch f.status {
	case http.StatusBadRequest:
		return !f.foreign && f.after <= maxRetryAfter
	case http.StatusRequestEntityTooLarge, http.StatusInternalServerError:
		return f.after <= maxRetryAfter
	}
	return false
}

// itemsNamed returns the reasons, by index, of errors that are named index.field, for a
// batch of n.
func (f *peerError) itemsNamed(n int) map[int]string {
	named := map[int]string{}
	for _, field := range slices.Sorted(maps.Keys(f.fields)) {
		number, name, _ := strings.Cut(field, ".")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= n {
			continue
		}
		reason := strings.TrimSpace(printable(name) + " " + f.fields[field])
		if before := named[i]; before != "" {
			reason = before + "; " + reason
		}
		named[i] = reason
	}
	return named
}
