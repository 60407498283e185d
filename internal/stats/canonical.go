// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// canonicalizer writes the canonical form of JSON token by token: members sorted by
// name, no white space, strings with the fewest escapes and numbers as
// digits·10^exponent without trailing zeros. It keeps every digit of a number.
//
// The zero value is ready for use. The tokens must be those of valid JSON, with
// numbers that are storable.
type canonicalizer struct {
	out     []byte
	open    []container // objects and arrays, outermost first
	members []member    // of the open objects
	sorted  []byte      // buffer for an object whose members have to be sorted
}

// container is an open object or array.
type container struct {
	object  bool
	tokens  int // values, and names of members
	members int // how many of canonicalizer.members lie before its own
}

// member holds the offsets in out of a member of an object.
type member struct{ name, colon, end int }

func (c *canonicalizer) reset() {
	c.out, c.open, c.members = c.out[:0], c.open[:0], c.members[:0]
}

// begin takes the start of an object or array.
func (c *canonicalizer) begin(kind jsontext.Kind) {
	c.before()
	c.out = append(c.out, byte(kind))
	c.open = append(c.open, container{object: kind == jsontext.KindBeginObject, members: len(c.members)})
}

// end takes the end of the innermost object or array.
func (c *canonicalizer) end() {
	last := c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
	if last.object {
		c.sort(c.members[last.members:])
		c.members = c.members[:last.members]
		c.out = append(c.out, '}')
	} else {
		c.out = append(c.out, ']')
	}
	c.after()
}

// scalar takes the text of a string, number or literal, or the name of a member.
func (c *canonicalizer) scalar(raw []byte) {
	c.before()
	switch kind := jsontext.Value(raw).Kind(); {
	case kind == jsontext.KindNumber:
		c.out = appendCanonicalNumber(c.out, raw)
	case kind == jsontext.KindString && bytes.IndexByte(raw, '\\') >= 0:
		c.out, _ = jsontext.AppendQuote(c.out, unquote(raw)) // the reader has checked it
	default:
		c.out = append(c.out, raw...)
	}
	c.after()
}

// before writes what separates the next token from the last one.
func (c *canonicalizer) before() {
	if len(c.open) == 0 {
		return
	}
	in := &c.open[len(c.open)-1]
	switch {
	case in.object && in.tokens%2 == 1:
		c.members[len(c.members)-1].colon = len(c.out)
		c.out = append(c.out, ':')
		return
	case in.tokens > 0:
		c.out = append(c.out, ',')
	}
	if in.object {
		c.members = append(c.members, member{name: len(c.out)})
	}
}

// after counts a complete token.
func (c *canonicalizer) after() {
	if len(c.open) == 0 {
		return
	}
	in := &c.open[len(c.open)-1]
	in.tokens++
	if in.object && in.tokens%2 == 0 {
		c.members[len(c.members)-1].end = len(c.out)
	}
}

// sort sorts the members at the end of out by name.
func (c *canonicalizer) sort(members []member) {
	// Compare without the quotes: a quote is greater than a space.
	compare := func(a, b member) int {
		return bytes.Compare(c.out[a.name+1:a.colon-1], c.out[b.name+1:b.colon-1])
	}
	if slices.IsSortedFunc(members, compare) {
		return
	}
	start := members[0].name
	slices.SortFunc(members, compare)
	c.sorted = c.sorted[:0]
	for _, m := range members {
		c.sorted = append(append(c.sorted, c.out[m.name:m.end]...), ',')
	}
	copy(c.out[start:], c.sorted[:len(c.sorted)-1])
}

// appendCanonicalNumber writes a storable JSON number: 250 as 25e1, 1.50 as 15e-1
// and every zero as 0.
func appendCanonicalNumber(out, text []byte) []byte {
	if isCanonicalInteger(text) {
		return append(out, text...)
	}
	n, _ := splitNumber(text)
	var buffer [maxNumberLen]byte
	digits := append(append(buffer[:0], n.whole...), n.fraction...)
	significant := bytes.TrimRight(digits, "0")
	if len(significant) == 0 {
		return append(out, '0')
	}
	exponent, _ := n.exponentWithin(maxStoredExp)
	exponent += len(digits) - len(significant) - len(n.fraction)
	if n.negative {
		out = append(out, '-')
	}
	out = append(out, bytes.TrimLeft(significant, "0")...)
	if exponent != 0 {
		out = strconv.AppendInt(append(out, 'e'), int64(exponent), 10)
	}
	return out
}

// isCanonicalInteger reports whether text, a valid JSON number, is an integer
// without trailing zeros, which most numbers are.
func isCanonicalInteger(text []byte) bool {
	return bytes.IndexByte([]byte("123456789"), text[len(text)-1]) >= 0 && !bytes.ContainsAny(text, ".eE")
}
