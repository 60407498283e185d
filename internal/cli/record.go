// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// print writes the result: record as one JSON document with --json, otherwise text.
func (t *task) print(record any, text func(w io.Writer)) error {
	var result bytes.Buffer
	if !t.options.Bool("json") {
		text(&result)
		return t.writeResult(result.Bytes())
	}
	encoder := json.NewEncoder(&result)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(record); err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	return t.writeResult(result.Bytes())
}

// writeResult writes to standard output in one call.
func (p *program) writeResult(result []byte) error {
	if _, err := p.Stdout.Write(result); err != nil {
		return &unwritableError{cause: err}
	}
	return nil
}

// unwritableError reports a result that could not be written to standard output.
type unwritableError struct {
	cause     error
	isMissing bool // a token was in it
}

func (e *unwritableError) Error() string {
	return "the command succeeded, but its result cannot be written: " + e.cause.Error()
}

func (e *unwritableError) Unwrap() error { return e.cause }

// isOnlyUnread reports whether the only error is that the reader of standard output has
// left, as head does.
func isOnlyUnread(err error) bool {
	switch e := err.(type) {
	case *unwritableError:
		return errors.Is(e.cause, syscall.EPIPE) && !e.isMissing
	case *failure:
		return isOnlyUnread(e.cause)
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !isOnlyUnread(err) })
	}
	return false
}

// printToken prints a result with a token, whose loss would be an error.
func (t *task) printToken(record any, text func(w io.Writer)) error {
	err := t.print(record, text)
	if unwritable, ok := errors.AsType[*unwritableError](err); ok {
		unwritable.isMissing = true
	}
	return err
}

// errorRecord is the JSON form of an error.
type errorRecord struct {
	Error    string `json:"error"`
	ExitCode int    `json:"exit_code"`
}

func writeErrorRecord(w io.Writer, message string, code int) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(errorRecord{message, code}) // there is nowhere else to report it
}

// watchedOutput remembers the first error of a writer.
type watchedOutput struct {
	io.Writer
	err error
}

func (o *watchedOutput) Write(text []byte) (int, error) {
	n, err := o.Writer.Write(text)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// printLine prints a result that is one sentence in text form.
func (t *task) printLine(record any, format string, args ...any) error {
	return t.print(record, func(w io.Writer) { fmt.Fprintf(w, format+"\n", args...) })
}

// clientRecord is a client in JSON.
type clientRecord struct {
	UUID             uuid.UUID  `json:"uuid"`
	Name             string     `json:"name"`
	Role             string     `json:"role"`
	Token            string     `json:"token,omitempty"`
	Latitude         *float64   `json:"latitude"`
	Longitude        *float64   `json:"longitude"`
	Local            bool       `json:"local"`
	IsSharingEnabled bool       `json:"is_sharing_enabled"`
	IsActive         bool       `json:"is_active"`
	IsProcessed      bool       `json:"is_processed"`
	CreatedAt        time.Time  `json:"created_at"`
	LastSeen         *time.Time `json:"last_seen"`
}

func recordOf(client stats.Client) clientRecord {
	return clientRecord{
		UUID:             client.UUID,
		Name:             client.Name,
		Role:             client.Role.String(),
		Token:            client.Token,
		Latitude:         client.Latitude,
		Longitude:        client.Longitude,
		Local:            client.Local,
		IsSharingEnabled: client.IsSharingEnabled,
		IsActive:         client.IsActive,
		IsProcessed:      client.IsProcessed,
		CreatedAt:        client.CreatedAt,
		LastSeen:         client.LastSeen,
	}
}

// createdFormat is for times in UTC, to the microsecond.
const createdFormat = "2006-01-02 15:04:05.000000"

func printClient(w io.Writer, client stats.Client) {
	fmt.Fprintf(w, "UUID: %s\nName: %s\nRole: %d\nToken: %s\nCreated at: %s\n",
		client.UUID, onOneLine(client.Name), client.Role, client.Token, client.CreatedAt.UTC().Format(createdFormat))
}
