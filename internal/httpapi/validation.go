// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"github.com/monarc-project/stats-service/internal/stats"
)

// validationErrors collects the validation errors of a request, so that one answer reports them
// all.
type validationErrors struct {
	all *stats.InvalidError
}

// maxInvalidFields bounds how many fields are named: a query may have any number.
const maxInvalidFields = 40

// add collects the errors of fields. It keeps the first reason for each field and the
// first message.
func (f *validationErrors) add(wrong *stats.InvalidError) {
	if wrong == nil {
		return
	}
	if f.all == nil {
		f.all = &stats.InvalidError{Message: wrong.Message, Fields: map[string]string{}}
	}
	for field, reason := range wrong.Fields {
		if _, known := f.all.Fields[field]; !known && len(f.all.Fields) < maxInvalidFields {
			f.all.Fields[field] = reason
		}
	}
}

// err returns nil or an *stats.InvalidError.
func (f *validationErrors) err() error {
	if f.all == nil {
		return nil
	}
	return f.all
}

// membersError reports invalid members of a body. The other members were decoded.
type membersError struct {
	errors *stats.InvalidError
}

func (e *membersError) Error() string { return e.errors.Error() }
func (e *membersError) Unwrap() error { return e.errors }

// bodyErrorsKey is the context key of the *membersError of a GET's body.
type bodyErrorsKey struct{}
