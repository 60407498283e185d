// SPDX-License-Identifier: AGPL-3.0-or-later

package fieldmask

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits for masks. They are far above what any answer of the API needs, and keep a hostile
// header cheap.
const (
	MaxLength = 4096 // bytes of a header
	MaxDepth  = 32   // masks within masks, counting the outermost
)

// ParseError says where and why a mask is invalid. Its text is safe to show to the caller.
type ParseError struct {
	Offset int // bytes before the place of the error
	Reason string
}

// Error names the character, counted from 1, and shows an example of a mask.
func (e *ParseError) Error() string {
	return fmt.Sprintf("invalid field mask at character %d: %s; a mask looks like {uuid,data{label1,count}}",
		e.Offset+1, e.Reason)
}

// Parse parses the value of an X-Fields header. For an empty or blank header, it returns a
// nil mask, which keeps everything. If a name occurs twice, the last one counts. The error
// is a *ParseError.
func Parse(header string) (*Mask, error) {
	if len(header) > MaxLength {
		return nil, &ParseError{Offset: MaxLength, Reason: fmt.Sprintf("longer than %d characters", MaxLength)}
	}
	p := &parser{text: header}
	if p.peek() == end {
		return nil, nil
	}
	m, err := p.mask()
	if err != nil {
		return nil, err
	}
	return m, nil
}

// end is the result of peek at the end of the text. It differs from every byte, also NUL.
const end = -1

type parser struct {
	text string
	pos  int
}

// mask parses the whole text as one mask with or without outer braces.
func (p *parser) mask() (*Mask, *ParseError) {
	braced := p.peek() == '{'
	if braced {
		p.pos++
	}
	m, err := p.fields(1, braced)
	if err != nil {
		return nil, err
	}
	if p.peek() != end {
		return nil, p.fail("unexpected %s after the end of the mask", p.found())
	}
	return m, nil
}

// fields parses a comma-separated list up to and including its closing brace or, if it is
// not braced, up to the end of the text.
func (p *parser) fields(depth int, braced bool) (*Mask, *ParseError) {
	if depth > MaxDepth {
		return nil, p.fail("nested deeper than %d levels", MaxDepth)
	}
	m := &Mask{fields: make(map[string]*Mask)}
	for {
		if err := p.field(m, depth); err != nil {
			return nil, err
		}
		switch c := p.peek(); {
		case c == ',':
			p.pos++
		case c == '}' && braced:
			p.pos++
			return m, nil
		case c == end && !braced:
			return m, nil
		default:
			return nil, p.failAfterField(c)
		}
	}
}

// field parses one name with its nested mask, if any, into m.
func (p *parser) field(m *Mask, depth int) *ParseError {
	name, err := p.name()
	if err != nil {
		return err
	}
	if p.peek() != '{' {
		m.fields[name] = nil
		return nil
	}
	p.pos++
	sub, err := p.fields(depth+1, true)
	if err != nil {
		return err
	}
	m.fields[name] = sub
	return nil
}

func (p *parser) name() (string, *ParseError) {
	first := p.peek()
	start := p.pos
	for p.pos < len(p.text) && isNameByte(p.text[p.pos]) {
		p.pos++
	}
	if p.pos > start {
		return p.text[start:p.pos], nil
	}
	switch first {
	case end, ',', '{', '}':
		return "", p.fail("expected a field name, found %s", p.found())
	}
	return "", p.failCharacter()
}

// failAfterField explains why c cannot follow a field.
func (p *parser) failAfterField(c int) *ParseError {
	switch {
	case c == end:
		return p.fail("a closing brace is missing")
	case c == '}':
		return p.fail("a closing brace without an opening one")
	case c == '{' || isNameByte(byte(c)):
		return p.fail("expected a comma, found %s", p.found())
	}
	return p.failCharacter()
}

func (p *parser) failCharacter() *ParseError {
	return p.fail("unexpected %s; names consist of letters, digits and _ : - *", p.found())
}

func (p *parser) fail(format string, args ...any) *ParseError {
	return &ParseError{Offset: p.pos, Reason: fmt.Sprintf(format, args...)}
}

// found describes the character at the current position.
func (p *parser) found() string {
	if p.pos >= len(p.text) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return fmt.Sprintf("%q", r)
}

// peek skips white space and returns the byte that follows it, or end.
func (p *parser) peek() int {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos >= len(p.text) {
		return end
	}
	return int(p.text[p.pos])
}

func isNameByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '_' || c == ':' || c == '-' || c == '*'
}
