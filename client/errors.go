// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Kinds of *Error, for errors.Is.
var (
	ErrInvalid         = errors.New("invalid request")                         // 400; see Error.Fields
	ErrUnauthorized    = errors.New("no API key")                              // 401
	ErrForbidden       = errors.New("key unknown or not allowed to")           // 403
	ErrNotFound        = errors.New("not found")                               // 404
	ErrConflict        = errors.New("already exists")                          // 409
	ErrTooLarge        = errors.New("too large")                               // 413
	ErrTooManyRequests = errors.New("too many requests")                       // 429
	ErrUnavailable     = errors.New("unavailable")                             // 503
	ErrNotService      = errors.New("is this the address of a stats service?") // the answer is not one of the API
)

var statusOf = map[error]int{
	ErrInvalid:         http.StatusBadRequest,
	ErrUnauthorized:    http.StatusUnauthorized,
	ErrForbidden:       http.StatusForbidden,
	ErrNotFound:        http.StatusNotFound,
	ErrConflict:        http.StatusConflict,
	ErrTooLarge:        http.StatusRequestEntityTooLarge,
	ErrTooManyRequests: http.StatusTooManyRequests,
	ErrUnavailable:     http.StatusServiceUnavailable,
}

// Error reports an error answer of the service, or that there was no answer.
type Error struct {
	Status     int               // HTTP status; 0 without a readable answer
	Message    string            // what the service said; may be empty
	Fields     map[string]string // reasons by field or index.field; may be empty
	RequestID  string            // identifies the request in the service's log
	RetryAfter time.Duration     // how long the service asks to wait; 0 when it does not
	Err        error             // cause; nil when the service refused
}

// Error returns the status, the message of the service, and the fields in order.
func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("no answer of the stats service: %v", e.Err)
	}
	text := strings.TrimSpace(fmt.Sprintf("the stats service answered %d %s", e.Status, http.StatusText(e.Status)))
	if e.Message != "" {
		text += ": " + e.Message
	}
	if len(e.Fields) > 0 {
		text += " (" + e.fieldList() + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) fieldList() string {
	reasons := make([]string, 0, len(e.Fields))
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		reasons = append(reasons, field+": "+e.Fields[field])
	}
	return strings.Join(reasons, "; ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error for the status.
func (e *Error) Is(target error) bool {
	status, known := statusOf[target]
	return known && status == e.Status
}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	var untrusted *tls.CertificateVerificationError
	if errors.Is(e.Err, ErrNotService) || errors.As(e.Err, &untrusted) {
		return false
	}
	switch e.Status {
	case 0, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return e.Status >= http.StatusInternalServerError
}

// refusedBefore reports whether the service certainly did nothing. 503 is no such
// guarantee: the database may have committed before the connection was lost.
func (e *Error) refusedBefore() bool { return e.Status == http.StatusTooManyRequests }

const (
	// maxErrorBody bounds how many bytes of an error answer are read, and maxText how
	// many characters of a message or reason are kept.
	maxErrorBody = 64 << 10
	maxText      = 300
	// maxSeconds keeps a Retry-After within the range of a Duration.
	maxSeconds = 1 << 30
)

// ReadError reads and closes an error answer. A Retry-After with a date is relative to
// now.
func ReadError(response *http.Response, now time.Time) *Error {
	defer response.Body.Close()
	e := &Error{
		Status:     response.StatusCode,
		RequestID:  printable(response.Header.Get("X-Request-ID")),
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), now),
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if err == nil { // otherwise there is only the status
		e.readBody(body)
	}
	if location := response.Header.Get("Location"); location != "" && e.Status/100 == 3 {
		e.Message = "it redirects to " + printable(location)
		e.Err = ErrNotService
	}
	return e
}

// readBody reads the message and the fields of an error answer. Answers of other
// software, such as a proxy, may have any form.
func (e *Error) readBody(body []byte) {
	var decoded struct {
		Message any            `json:"message"`
		Errors  map[string]any `json:"errors"`
	}
	if err := json.Unmarshal(body, &decoded); err != nil {
		return
	}
	if decoded.Message != nil {
		e.Message = printable(fmt.Sprint(decoded.Message))
	}
	if len(decoded.Errors) == 0 {
		return
	}
	e.Fields = make(map[string]string, len(decoded.Errors))
	for name, reason := range decoded.Errors {
		e.Fields[printable(name)] = printable(fmt.Sprint(reason))
	}
}

// retryAfter parses a Retry-After header in seconds or with a date. Some servers send
// fractions, or numbers that overflow.
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if value != "" && value[0] >= '0' && value[0] <= '9' {
		seconds, err := strconv.ParseFloat(value, 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			wait = time.Duration(min(seconds, maxSeconds) * float64(time.Second))
		}
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return max(0, wait)
}

// printable makes text from the service safe for a terminal or a log line.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}
