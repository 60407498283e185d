// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Errors that adapters translate to their own and that edges map to answers.
var (
	ErrNotFound  = errors.New("not found")
	ErrForbidden = errors.New("not allowed")
	// ErrUnchanged reports that what was to be created is already there, identical.
	ErrUnchanged = errors.New("unchanged")
	// ErrUnavailable reports that the database cannot be reached; trying again may help.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrBusy reports that others use all that the service has for this; trying
	// again may help.
	ErrBusy = errors.New("the service is busy")
)

// ConflictError reports that a unique value is taken by another record.
type ConflictError struct {
	Field   string // wire name of the field
	Message string
}

func (e *ConflictError) Error() string { return e.Message }

// InvalidError tells which fields of the input cannot be accepted and why.
// The text is safe to show to the caller.
type InvalidError struct {
	Message string            // what is wrong as a whole, never empty
	Fields  map[string]string // field, or index.field, to what is wrong with it
}

// Invalid returns an *InvalidError about a single field.
func Invalid(field, format string, args ...any) *InvalidError {
	reason := fmt.Sprintf(format, args...)
	return &InvalidError{
		Message: "Input payload validation failed",
		Fields:  map[string]string{field: reason},
	}
}

// UnknownArguments returns an *InvalidError about parameters that are not known
// here. It names the first twenty, the longest of them cut.
func UnknownArguments(names []string) *InvalidError {
	names = slices.Clone(names[:min(len(names), 20)])
	fields := make(map[string]string, len(names))
	for i := range names {
		names[i] = shorten(names[i])
		fields[names[i]] = "is not known here"
	}
	return &InvalidError{Message: "Unknown arguments: " + strings.Join(names, ", "), Fields: fields}
}

// Under returns a copy whose fields start with prefix and a dot: the error of
// an item, told about the list that it is in.
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

// shorten keeps what a caller sent from flooding an error text.
func shorten(s string) string { return Shorten(60, s) }

// Shorten cuts s to a number of bytes.
func Shorten(limit int, s string) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// ReasonOf returns why the only field of an *InvalidError was refused, or the text of
// another error.
func ReasonOf(err error) string {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		for _, reason := range invalid.Fields {
			return reason
		}
	}
	return err.Error()
}
