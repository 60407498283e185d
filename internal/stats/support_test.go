// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/quagmt/udecimal"
)

// values parses up to three values of an observation.
func values(texts ...string) (v [3]udecimal.Decimal) {
	for i, text := range texts {
		v[i] = udecimal.MustParse(text)
	}
	return v
}

// checkInvalid checks that err is an *InvalidError about exactly one field.
func checkInvalid(t *testing.T, err error, field, reason string) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %v (%T), want an *InvalidError about %s", err, err, field)
	}
	if diff := cmp.Diff(map[string]string{field: reason}, invalid.Fields); diff != "" {
		t.Errorf("fields differ (-want +got):\n%s", diff)
	}
}

// observed is a case of data that is accepted.
type observed struct {
	data string
	want []Observation
}

func runObserved(t *testing.T, of Type, tests map[string]observed) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, err := ReadDocument(of, []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == nil {
				tt.want = []Observation{}
			}
			if diff := cmp.Diff(tt.want, document.Observations); diff != "" {
				t.Errorf("observations differ (-want +got):\n%s", diff)
			}
		})
	}
}

// refused is a case of data that is not accepted.
type refused struct{ data, field, reason string }

func runRefused(t *testing.T, of Type, tests map[string]refused) {
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			document, err := ReadDocument(of, []byte(tt.data))
			if err == nil {
				t.Fatalf("accepted as %v", document.Observations)
			}
			checkInvalid(t, err, tt.field, tt.reason)
		})
	}
}

// canonicalForm returns what the digest of data is made of.
func canonicalForm(data []byte) ([]byte, error) {
	r := newReader(data)
	defer r.release()
	if err := r.skip(); err != nil {
		return nil, err
	}
	return bytes.Clone(r.canonical.out), r.end()
}
