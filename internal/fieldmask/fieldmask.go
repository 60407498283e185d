// SPDX-License-Identifier: AGPL-3.0-or-later

// Package fieldmask narrows JSON answers to the members that a caller asked
// for in the X-Fields header, in the syntax of Flask-RESTX:
//
//	{uuid,data{label1,count},*}
//
// The outer braces may be left out and white space is ignored. A name keeps a
// member, a name with braces keeps of that member what the braces name, and *
// keeps every member that is not named beside it.
//
// Arrays are masked element by element. What cannot be narrowed is kept as it
// is: null stays null, and a string, number or boolean under a nested mask
// stays whole, because the data of statistics is dynamic and differs from type
// to type. A named member that is absent stays absent.
package fieldmask

const wildcard = "*"

// Mask says which members of a JSON value are kept. A nil *Mask keeps
// everything. A Mask is never changed after Parse, so it can be shared.
type Mask struct {
	fields map[string]*Mask // by name; a nil *Mask keeps the whole member
}

// Sub reports whether the member called name is kept and, if so, the mask for
// its value, which is nil when the value is kept whole. It lets a writer that
// streams an object mask the values one by one.
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
