// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Errors that adapters return and that handlers map to responses.
var (
	ErrNotFound  = errors.New("not found")
	ErrForbidden = errors.New("not allowed")
	// ErrUnchanged reports that an identical record already exists.
	ErrUnchanged = errors.New("unchanged")
	// ErrUnavailable reports that the database cannot be reached; a retry may help.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrBusy reports that other requests use all capacity; a retry may help.
	ErrBusy = errors.New("the service is busy")
)

// ConflictError reports that another record already uses a unique value.
type ConflictError struct {
	Field   string // wire name of the field
	Message string
}

func (e *ConflictError) Error() string { return e.Message }

// InvalidError says which fields of the input are not accepted, and why. The text is
// safe to show to the caller.
type InvalidError struct {
	Message string            // never empty
	Fields  map[string]string // reasons by field, or by index.field
}

// Invalid returns an *InvalidError about a single field.
func Invalid(field, format string, args ...any) *InvalidError {
	reason := fmt.Sprintf(format, args...)
	return &InvalidError{
		Message: "Input payload validation failed",
		Fields:  map[string]string{field: reason},
	}
}

// UnknownArguments returns an *InvalidError about unknown parameters. It names the
// first twenty, and shortens long names.
func UnknownArguments(names []string) *InvalidError {
	names = slices.Clone(names[:min(len(names), 20)])
	fields := make(map[string]string, len(names))
	for i := range names {
		names[i] = shorten(names[i])
		fields[names[i]] = "is not known here"
	}
	return &InvalidError{Message: "Unknown arguments: " + strings.Join(names, ", "), Fields: fields}
}

// Under returns a copy whose fields start with prefix and a dot: the error of an item
// becomes one of its list.
func (e *InvalidError) Under(prefix string) *InvalidError {
	fields := make(map[string]string, len(e.Fields))
	for name, reason := range e.Fields {
		fields[prefix+"."+name] = reason
	}
	return &InvalidError{Message: e.Message, Fields: fields}
}

// Error lists the fields in a stable order.
func (e *InvalidError) Error() string {
	if len(e.Fields) == 0 {
		return e.Message
	}
	names := make([]string, 0, len(e.Fields))
	for name := range e.Fields {
		names = append(names, name)
	}
	sort.Strings(names)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = name + ": " + e.Fields[name]
	}
	return e.Message + ": " + strings.Join(parts, "; ")
}

// shorten limits how much of a caller's input an error quotes.
func shorten(s string) string { return Shorten(60, s) }

// Shorten cuts s to limit bytes.
func Shorten(limit int, s string) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// ReasonOf returns the reason of an *InvalidError about one field, or the text of
// another error.
func ReasonOf(err error) string {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		for _, reason := range invalid.Fields {
			return reason
		}
	}
	return err.Error()
}
