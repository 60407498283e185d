package stats

import (
	"bytes"
	"slices"
	"sync"
	"unicode/utf8"
)

// canonicalizer writes the canonical form in a single pass, where data is of the
// kind that front offices send: nested a little, with names in ASCII.
type canonicalizer struct {
	scanner
	out     []byte
	members []member // of the objects around, outermost first
	sorted  []byte   // for an object whose members have to be put in order
	depth   int
}

// member is where out has a member of an object.
type member struct{ name, value, end int }

// canonicalizers are kept, since each soon has buffers of the right size.
var canonicalizers = sync.Pool{New: func() any { return new(canonicalizer) }}

// withCanonical calls use with the canonical form of data, which is valid until
// use returns.
func withCanonical(data []byte, use func(canonical []byte)) error {
	c := canonicalizers.Get().(*canonicalizer)
	defer canonicalizers.Put(c)
	if c.run(data) {
		use(c.out)
		return nil
	}
	canonical, err := canonicalOfAny(data)
	if err == nil {
		use(canonical)
	}
	return err
}

// run writes the canonical form to out, or returns false.
func (c *canonicalizer) run(data []byte) (ok bool) {
	if c.scanner, ok = newScanner(data); !ok {
		return false
	}
	c.out, c.members, c.depth = c.out[:0], c.members[:0], 0
	ok = c.value() && c.at == len(data)
	c.scanner = scanner{} // data is not ours to keep
	return ok
}

// value writes the value that follows, and skips the space around it.
func (c *canonicalizer) value() (ok bool) {
	c.space()
	switch next := c.peek(); next {
	case '{':
		ok = c.nested(c.object)
	case '[':
		ok = c.nested(c.list)
	case '"':
		ok = c.string()
	case 'n', 't', 'f':
		var text []byte
		text, ok = c.literal()
		c.out = append(c.out, text...)
	default:
		ok = c.canonicalNumber()
	}
	c.space()
	return ok
}

func (c *canonicalizer) nested(write func() bool) bool {
	c.depth++
	ok := c.depth <= maxDepth && write()
	c.depth--
	return ok
}

func (c *canonicalizer) canonicalNumber() bool {
	text, ok := c.number()
	if !ok {
		return false
	}
	var err error
	c.out, err = appendCanonicalNumber(c.out, text)
	return err == nil
}

func (c *canonicalizer) string() bool {
	raw, escaped, ok := c.text()
	switch {
	case !ok:
		return false
	case escaped:
		c.out = appendUnescaped(c.out, raw)
	default:
		c.out = append(c.out, raw...)
	}
	return true
}

// appendUnescaped writes a string with the escapes only that it needs.
func appendUnescaped(out, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		r, n := unescape(raw[i:])
		out = appendEscaped(out, r)
		i += n
	}
	return out
}

func appendEscaped(out []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(out, '\\', byte(r))
	case r == '\b':
		return append(out, `\b`...)
	case r == '\f':
		return append(out, `\f`...)
	case r == '\n':
		return append(out, `\n`...)
	case r == '\r':
		return append(out, `\r`...)
	case r == '\t':
		return append(out, `\t`...)
	case r < ' ':
		return append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xf])
	}
	return utf8.AppendRune(out, r)
}

func (c *canonicalizer) list() bool {
	c.take('[')
	c.out = append(c.out, '[')
	c.space()
	for first := true; !c.take(']'); first = false {
		if !first {
			if !c.take(',') {
				return false
			}
			c.out = append(c.out, ',')
		}
		if !c.value() {
			return false
		}
	}
	c.out = append(c.out, ']')
	return true
}

func (c *canonicalizer) object() bool {
	c.take('{')
	c.out = append(c.out, '{')
	outer := len(c.members)
	c.space()
	for first := true; !c.take('}'); first = false {
		if !first {
			if !c.take(',') {
				return false
			}
			c.out = append(c.out, ',')
		}
		if !c.member() {
			return false
		}
	}
	ok := c.sort(c.members[outer:])
	c.members = c.members[:outer]
	c.out = append(c.out, '}')
	return ok
}

func (c *canonicalizer) member() bool {
	c.space()
	m := member{name: len(c.out)}
	name, escaped, ok := c.text()
	if !ok || escaped || !isASCII(name) {
		return false
	}
	c.out = append(c.out, name...)
	m.value = len(c.out)
	c.space()
	if !c.take(':') {
		return false
	}
	c.out = append(c.out, ':')
	if !c.value() {
		return false
	}
	m.end = len(c.out)
	c.members = append(c.members, m)
	return true
}

// sort puts the members that end out in the order of their names, and returns
// false when one of these occurs twice.
func (c *canonicalizer) sort(members []member) bool {
	if len(members) < 2 {
		return true
	}
	// Without the quotes, which are greater than the space.
	compare := func(a, b member) int {
		return bytes.Compare(c.out[a.name+1:a.value-1], c.out[b.name+1:b.value-1])
	}
	inOrder := slices.IsSortedFunc(members, compare)
	start := members[0].name
	if !inOrder {
		slices.SortFunc(members, compare)
	}
	for i := range members[1:] {
		if compare(members[i], members[i+1]) == 0 {
			return false
		}
	}
	if inOrder {
		return true
	}
	c.sorted = c.sorted[:0]
	for _, m := range members {
		c.sorted = append(append(c.sorted, c.out[m.name:m.end]...), ',')
	}
	copy(c.out[start:], c.sorted[:len(c.sorted)-1])
	return true
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
