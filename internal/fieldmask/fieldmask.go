// SPDX-License-Identifier: AGPL-3.0-or-later

// Package fieldmask reduces JSON answers to the members that the X-Fields header requests,
// in the syntax of Flask-RESTX:
//
//	{uuid,data{label1,count},*}
//
// The outer braces are optional and white space is ignored. A name keeps a member, a name
// with braces keeps only the members of its value that the braces name, and * keeps every
// member that the same braces do not name.
//
// Arrays are masked element by element. A null, string, number or boolean under a nested
// mask is kept, because the data of statistics is dynamic and differs between types. A
// named member that is absent stays absent.
package fieldmask

const wildcard = "*"

// Mask selects members of a JSON value. A nil *Mask keeps everything. A Mask is immutable,
// so it is safe for concurrent use.
type Mask struct {
	fields map[string]*Mask // by name; a nil *Mask keeps the whole member
}

// Sub reports whether the member with this name is kept, and returns the mask for its
// value, nil to keep the whole value. A writer that streams an object can so mask its
// values one by one.
func (m *Mask) Sub(name string) (sub *Mask, keep bool) {
	if m == nil {
		return nil, true
	}
	if sub, keep = m.fields[name]; keep {
		return sub, true
	}
	sub, keep = m.fields[wildcard]
	return sub, keep
}
