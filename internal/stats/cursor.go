package stats

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// tokens is what a reader needs of a decoder of JSON, as *jsontext.Decoder has it.
type tokens interface {
	PeekKind() jsontext.Kind
	// ReadToken is used for delimiters and at the end, ReadValue for all else.
	ReadToken() (jsontext.Token, error)
	ReadValue() (jsontext.Value, error)
	StackDepth() int
	StackIndex(i int) (jsontext.Kind, int64)
	StackPointer() jsontext.Pointer
}

// errUnusual is the only error of a cursor but for io.EOF: a decoder has to find
// out what is wrong, if anything.
var errUnusual = errors.New("unusual JSON")

// manyNames is how many names of an object a cursor compares with each other.
const manyNames = 64

// cursor is a fast decoder of the JSON that front offices send. It accepts
// nothing that a decoder refuses.
type cursor struct {
	scanner
	stack []frame
	names [][]byte // of the objects around, outermost first
	bad   bool
}

// frame is an object or list that the cursor is in.
type frame struct {
	kind  jsontext.Kind
	count int // values read, and names
	names int // how many names were there before it
}

// newCursor stands before the first token of data.
func newCursor(data []byte) *cursor {
	s, ok := newScanner(data)
	s.space()
	return &cursor{scanner: s, bad: !ok}
}

// PeekKind returns the kind of the next token, 0 when there is none.
func (c *cursor) PeekKind() jsontext.Kind {
	if c.bad {
		return 0
	}
	switch next := c.peek(); next {
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	default:
		return jsontext.Kind(next)
	}
}

// StackDepth is in how many objects and lists the cursor is.
func (c *cursor) StackDepth() int { return len(c.stack) }

// StackIndex is not known: errors are left to a decoder.
func (c *cursor) StackIndex(int) (kind jsontext.Kind, length int64) { return 0, 0 }

// StackPointer is not known: errors are left to a decoder.
func (c *cursor) StackPointer() jsontext.Pointer { return "" }

// ReadToken reads a delimiter. What it returns instead of that has no meaning.
func (c *cursor) ReadToken() (jsontext.Token, error) {
	if !c.bad && len(c.stack) == 0 && c.at == len(c.data) {
		return jsontext.Token{}, io.EOF
	}
	if c.bad || !c.delimiter() {
		return jsontext.Token{}, c.refuse()
	}
	return jsontext.Token{}, nil
}

func (c *cursor) delimiter() bool {
	switch next := c.peek(); next {
	case '{', '[':
		if c.expectsName() {
			return false
		}
		c.at++
		c.stack = append(c.stack, frame{kind: jsontext.Kind(next), names: len(c.names)})
		c.space()
		return true
	case '}', ']':
		return c.leave(jsontext.Kind(next) - ('}' - '{'))
	}
	return false
}

// leave ends the object or list of a kind.
func (c *cursor) leave(kind jsontext.Kind) bool {
	depth := len(c.stack)
	if depth == 0 || c.stack[depth-1].kind != kind || !c.complete() {
		return false
	}
	c.at++
	c.names = c.names[:c.stack[depth-1].names]
	c.stack = c.stack[:depth-1]
	return c.advance()
}

// complete reports whether no value is missing after a name.
func (c *cursor) complete() bool {
	top := c.stack[len(c.stack)-1]
	return top.kind == '[' || top.count%2 == 0
}

// expectsName reports whether the next token has to be a name.
func (c *cursor) expectsName() bool {
	return len(c.stack) > 0 && c.stack[len(c.stack)-1].kind == '{' && c.complete()
}

// ReadValue reads a scalar or a name.
func (c *cursor) ReadValue() (jsontext.Value, error) {
	if c.bad {
		return nil, errUnusual
	}
	text, ok := c.scalar()
	if !ok || !c.advance() {
		return nil, c.refuse()
	}
	return text, nil
}

func (c *cursor) scalar() (text []byte, ok bool) {
	if c.expectsName() {
		return c.name()
	}
	switch c.peek() {
	case '"':
		text, _, ok = c.text()
	case 'n', 't', 'f':
		text, ok = c.literal()
	default:
		text, ok = c.number()
	}
	return text, ok
}

// name reads a name that is new to its object.
func (c *cursor) name() (name []byte, ok bool) {
	name, escaped, ok := c.text()
	if !ok || escaped {
		return nil, false
	}
	others := c.names[c.stack[len(c.stack)-1].names:]
	if len(others) == manyNames {
		return nil, false
	}
	for _, other := range others {
		if bytes.Equal(name, other) {
			return nil, false
		}
	}
	c.names = append(c.names, name)
	return name, true
}

// advance goes on from the end of a token to the next one.
func (c *cursor) advance() bool {
	c.space()
	if len(c.stack) == 0 {
		return true
	}
	top := &c.stack[len(c.stack)-1]
	top.count++
	if top.kind == '{' && top.count%2 == 1 {
		ok := c.take(':')
		c.space()
		return ok
	}
	if next := c.peek(); next == '}' || next == ']' {
		return true // leave checks which of them
	}
	if !c.take(',') {
		return false
	}
	c.space()
	next := c.peek()
	return next != '}' && next != ']'
}

func (c *cursor) refuse() error {
	c.bad = true
	return errUnusual
}
