// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"github.com/monarc-project/stats-service/internal/stats"
)

// faults is everything that is wrong with a request, told at once.
type faults struct {
	all *stats.InvalidError
}

// maxFaults is how many fields are named: a query may have names without end.
const maxFaults = 40

// add notes what is wrong with fields; of a field the first reason is kept, and
// of the messages the first.
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

// membersError is about members of a body, the others of which were decoded.
type membersError struct {
	faults *stats.InvalidError
}

func (e *membersError) Error() string { return e.faults.Error() }
func (e *membersError) Unwrap() error { return e.faults }

// bodyFaultsKey is under which a question finds the *membersError of its body.
type bodyFaultsKey struct{}
