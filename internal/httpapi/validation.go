// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"github.com/monarc-project/stats-service/internal/stats"
)

// faults collects the validation errors of a request, so that one answer reports them
// all.
type faults struct {
	all *stats.InvalidError
}

// maxFaults bounds how many fields are named: a query may have any number.
const maxFaults = 40

// add collects the errors of fields. It keeps the first reason for each field and the
// first message.
func (f *faults) add(wrong *stats.InvalidError) {
	if wrong == nil {
		return
	}
	if f.all == nil {
		f.all = &stats.InvalidError{Message: wrong.Message, Fields: map[string]string{}}
	}
	for field, reason := range wrong.Fields {
		if _, told := f.all.Fields[field]; !told && len(f.all.Fields) < maxFaults {
			f.all.Fields[field] = reason
		}
	}
}

// err returns nil or an *stats.InvalidError.
func (f *faults) err() error {
	if f.all == nil {
		return nil
	}
	return f.all
}

// membersError reports invalid members of a body; the other members were decoded.
type membersError struct {
	faults *stats.InvalidError
}

func (e *membersError) Error() string { return e.faults.Error() }
func (e *membersError) Unwrap() error { return e.faults }

// bodyFaultsKey is the context key of the *membersError of a GET's body.
type bodyFaultsKey struct{}
