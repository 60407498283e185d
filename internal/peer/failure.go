package peer

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// maxErrorBody is how much of an error answer is read, maxMessage how many
	// characters of what the peer says are shown.
	maxErrorBody = 64 << 10
	maxMessage   = 300
	// maxRetryAfter is the longest that a peer is waited for on its request; one
	// that asks for more ends the work.
	maxRetryAfter = 5 * time.Minute
	// mostSeconds keeps what a peer asks for within what a Duration can hold.
	mostSeconds = 1 << 30
)

// errSilent is why a request ends that the peer leaves unanswered.
var errSilent = errors.New("it has not answered in time")

// failure is a request to the peer that did not succeed.
type failure struct {
	server  string
	status  int               // of the answer; 0: there was none, or it cannot be read
	message string            // what the peer said
	fields  map[string]string // what it said about single fields
	after   time.Duration     // how long it asked to wait; 0: it did not
	cause   error             // of a status 0
	lasting bool              // asking again is of no use
	foreign bool              // what it answers is not in the words of the API
}

func (f *failure) Unwrap() error { return f.cause }

// rightAddress is asked where the peer does not talk like a stats service.
const rightAddress = "is this the address of a stats service?"

func (f *failure) Error() string {
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
func (f *failure) advice() string {
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

func (f *failure) tokenAdvice() string {
	const advice = "check the token, which must be that of an active client of the peer"
	if f.foreign {
		return advice + "; " + rightAddress
	}
	return advice
}

// reason is the status and what the peer said.
func (f *failure) reason() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", f.status, http.StatusText(f.status)))
	if f.message != "" {
		text += " (" + f.message + ")"
	}
	return text
}

// transient tells whether the same request may succeed later.
func (f *failure) transient() bool {
	if f.lasting || f.after > maxRetryAfter {
		return false
	}
	switch f.status {
	case 0:
		_, untrusted := errors.AsType[*tls.CertificateVerificationError](f.cause)
		return !untrusted
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return f.status >= http.StatusInternalServerError
}

// lost is a request without an answer that can be read.
func (l *link) lost(err error) *failure {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address, which is said anyway
	}
	return &failure{server: l.server, cause: err}
}

// refusal reads an answer that is none of success, and closes it.
func (l *link) refusal(response *http.Response) *failure {
	defer response.Body.Close()
	f := &failure{server: l.server, status: response.StatusCode, after: l.retryAfter(response.Header)}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if err != nil {
		return f // the status says enough
	}
	f.message, f.fields = errorBody(body)
	f.foreign = f.message == ""
	if location := response.Header.Get("Location"); location != "" && f.status/100 == 3 {
		f.message = tidy(location)
	}
	return f
}

// retryAfter returns how long the peer asks to wait: seconds or a date.
func (l *link) retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	var wait time.Duration
	if seconds, isNumber := seconds(value); isNumber {
		wait = time.Duration(min(seconds, mostSeconds) * float64(time.Second))
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(l.Now())
	}
	return max(0, wait)
}

// seconds reads digits, of which some peers send fractions and others more than
// any number can hold.
func seconds(text string) (n float64, ok bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// errorBody takes the message and the fields out of an error answer. Those of
// other software than ours may be of any form.
func errorBody(body []byte) (message string, fields map[string]string) {
	var said struct {
		Message any            `json:"message"`
		Errors  map[string]any `json:"errors"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return "", nil // a proxy's page, perhaps
	}
	var parts []string
	if said.Message != nil {
		parts = append(parts, tidy(fmt.Sprint(said.Message)))
	}
	fields = make(map[string]string, len(said.Errors))
	for name, reason := range said.Errors {
		fields[name] = tidy(fmt.Sprint(reason))
	}
	return strings.Join(append(parts, listFields(fields)...), ": "), fields
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
