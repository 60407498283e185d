// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/quagmt/udecimal"
)

const (
	// maxDepth bounds the nesting of objects and lists in data.
	maxDepth = 100
	// maxMembers bounds the members of an object in data, together with those of the
	// objects around it: finding repeated names takes ten times the memory of their text.
	maxMembers = 10_000
	// yieldBytes is how much of a document is read between two calls of yield.
	yieldBytes = 64 << 10
	// maxPath keeps the path of an error readable.
	maxPath = 200
)

// reader parses the JSON of one document in a single pass. It also checks values that
// are not measured, so that everything it accepts can be stored (unique names, valid
// UTF-8, no NUL, bounded depth and numbers), and it produces the canonical form.
//
// Its errors are *InvalidError about the value that was read last, and those of yield.
type reader struct {
	dec  *jsontext.Decoder
	data []byte // the whole document, for estimates
	// yield may block, so that a long document does not hold up others; it may be nil.
	yield func() error
	turn  int64 // offset in data at which yield is called next
	// canonical has the canonical form of what was read so far.
	canonical canonicalizer
	// mayHoldNUL is false if data has no escape for NUL: strings need not be searched
	// then (an unescaped NUL is a syntax error).
	mayHoldNUL bool
	// texts interns strings by their JSON. Analyses share most names: interning is what
	// keeps a batch small.
	texts map[string]string
}

const (
	// maxTexts and maxTextLen bound the interned strings.
	maxTexts   = 4_096
	maxTextLen = 512
)

// readersPool reuses readers with their buffers.
var readersPool = sync.Pool{New: func() any { return &reader{dec: new(jsontext.Decoder), texts: map[string]string{}} }}

// newReader returns a reader of data. The caller has to release it.
func newReader(data []byte) *reader {
	r := readersPool.Get().(*reader)
	r.dec.Reset(bytes.NewBuffer(data))
	r.data, r.turn = data, yieldBytes
	r.canonical.reset()
	r.mayHoldNUL = bytes.Contains(data, []byte(`\u0000`))
	return r
}

func (r *reader) release() {
	r.data, r.yield = nil, nil
	r.dec.Reset(bytes.NewBuffer(nil)) // do not keep the caller's bytes
	readersPool.Put(r)
}

// reserve returns an empty slice with capacity for one observation for each occurrence
// of mark in the data, up to a limit: growing it would cost more than parsing.
func (r *reader) reserve(mark string) []Observation {
	const limit = 256
	return make([]Observation, 0, min(bytes.Count(r.data, []byte(mark)), limit))
}

// end returns an error if something follows the value.
func (r *reader) end() error {
	_, err := r.dec.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return r.syntaxError(err)
	}
	return Invalid("data", "there is more than one JSON value")
}

// object reads an object and calls member after each name; member reads the value.
func (r *reader) object(member func(name string) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return r.token()
}

// emptyableObject reads an object, which PHP encodes as [] if it is empty.
func (r *reader) emptyableObject(member func(name string) error) error {
	if r.dec.PeekKind() != '[' {
		return r.object(member)
	}
	if err := r.token(); err != nil {
		return err
	}
	if r.dec.PeekKind() != ']' {
		return r.fail("must be an object, not a list")
	}
	return r.token()
}

// indexed reads an object whose names are numbers, or the list that PHP makes of it if
// they are 0, 1, 2 and so on. It calls member before each value.
func (r *reader) indexed(member func(key string) error) error {
	if r.dec.PeekKind() != '[' {
		return r.object(member)
	}
	return r.list(func(i int) error { return member(strconv.Itoa(i)) })
}

// list reads a list and calls element before each of its values.
func (r *reader) list(element func(i int) error) error {
	if err := r.open('['); err != nil {
		return err
	}
	for i := 0; r.dec.PeekKind() != ']'; i++ {
		if err := element(i); err != nil {
			return err
		}
	}
	return r.token()
}

// open reads the start of an object or list.
func (r *reader) open(kind jsontext.Kind) error {
	got := r.dec.PeekKind()
	if err := r.token(); err != nil {
		return err
	}
	if got != kind {
		return r.fail("must be %s, not %s", describe(kind), describe(got))
	}
	return nil
}

// skip reads a value that is not measured.
func (r *reader) skip() error {
	depth := r.dec.StackDepth()
	for {
		if err := r.token(); err != nil {
			return err
		}
		if r.dec.StackDepth() == depth {
			return nil
		}
	}
}

// token reads a name, a scalar or a delimiter.
func (r *reader) token() error {
	kind := r.dec.PeekKind()
	switch kind {
	case '{', '}', '[', ']':
		if err := r.yieldAtIntervals(); err != nil {
			return err
		}
		if _, err := r.dec.ReadToken(); err != nil {
			return r.syntaxError(err)
		}
		if kind == '}' || kind == ']' {
			r.canonical.end()
			return nil
		}
		if r.dec.StackDepth() > maxDepth {
			return r.fail("nested deeper than %d levels", maxDepth)
		}
		r.canonical.begin(kind)
		return nil
	default:
		_, err := r.scalar()
		return err
	}
}

// scalar reads anything but an object or list and returns its text, which is
// valid until the next read.
func (r *reader) scalar() (jsontext.Value, error) {
	if kind := r.dec.PeekKind(); kind == '{' || kind == '[' {
		return nil, r.containerAsScalar(kind)
	}
	if err := r.yieldAtIntervals(); err != nil {
		return nil, err
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		return nil, r.syntaxError(err)
	}
	switch raw.Kind() {
	case '"':
		if r.mayHoldNUL && strings.Contains(unquote(raw), "\x00") {
			return nil, r.fail(`contains a NUL character (\u0000), which cannot be stored`)
		}
	case '0':
		if !storable(raw) {
			return nil, r.fail("this number is too large, too small or too long to be stored")
		}
	}
	r.canonical.scalar(raw)
	if len(r.canonical.members) > maxMembers {
		return nil, r.fail("more than %d members in this object and those around it", maxMembers)
	}
	return raw, nil
}

// yieldAtIntervals calls yield once every yieldBytes of the document.
func (r *reader) yieldAtIntervals() error {
	if r.yield == nil || r.dec.InputOffset() < r.turn {
		return nil
	}
	r.turn = r.dec.InputOffset() + yieldBytes
	return r.yield()
}

// containerAsScalar reads the delimiter first, so that the error has its path.
func (r *reader) containerAsScalar(kind jsontext.Kind) error {
	if err := r.token(); err != nil {
		return err
	}
	return r.fail("must be a single value, not %s", describe(kind))
}

// name reads the name of a member.
func (r *reader) name() (string, error) {
	raw, err := r.scalar()
	if err != nil {
		return "", err
	}
	if known, ok := knownNames[string(raw)]; ok {
		return known, nil
	}
	return unquote(raw), nil
}

// knownNames saves allocating the names that occur in every stat.
var knownNames = quoteNames(
	"uuid", "label1", "label2", "label3", "label4", "count", "maxRisk", "averageRate",
	"total", "risks", "current", "residual", "informational", "operational", "level", "value",
	"referential", "target", "controls", "code", "measure",
)

func quoteNames(names ...string) map[string]string {
	quoted := make(map[string]string, len(names))
	for _, name := range names {
		quoted[strconv.Quote(name)] = name
	}
	return quoted
}

// text reads a string, or null as the empty string.
func (r *reader) text() (string, error) {
	raw, err := r.scalar()
	if err != nil {
		return "", err
	}
	switch raw.Kind() {
	case '"':
		return r.shared(raw), nil
	case 'n':
		return "", nil
	}
	return "", r.fail("must be a string or null, not %s", describe(raw.Kind()))
}

// shared returns the text of a string, interned if it is short.
func (r *reader) shared(raw jsontext.Value) string {
	if known, ok := r.texts[string(raw)]; ok {
		return known
	}
	text := unquote(raw)
	if len(raw) > maxTextLen {
		return text
	}
	if len(r.texts) == maxTexts {
		clear(r.texts)
	}
	r.texts[string(raw)] = text
	return text
}

// number reads a number, or a string of one, that is not below least.
func (r *reader) number(least udecimal.Decimal) (udecimal.Decimal, error) {
	raw, err := r.scalar()
	if err != nil {
		return udecimal.Zero, err
	}
	return r.parseNumber(raw, least)
}

// optionalNumber reads a number, null or an empty string; ok reports whether there is a
// number.
func (r *reader) optionalNumber(least udecimal.Decimal) (d udecimal.Decimal, ok bool, err error) {
	raw, err := r.scalar()
	if err != nil || raw.Kind() == 'n' || string(raw) == `""` {
		return udecimal.Zero, false, err
	}
	d, err = r.parseNumber(raw, least)
	return d, err == nil, err
}

func (r *reader) parseNumber(raw jsontext.Value, least udecimal.Decimal) (udecimal.Decimal, error) {
	if kind := raw.Kind(); kind != '0' && kind != '"' {
		return udecimal.Zero, r.fail("must be a number, not %s", describe(kind))
	}
	d, err := parseDecimal(bytes.Trim(raw, `"`))
	if err != nil {
		return udecimal.Zero, r.fail("%s", err)
	}
	if d.LessThan(least) {
		return udecimal.Zero, r.fail("must not be below %s", least)
	}
	return d, nil
}

// uuid reads a UUID of any version in its form of 36 characters and returns it in lower
// case.
func (r *reader) uuid() (string, error) {
	raw, err := r.scalar()
	if err != nil {
		return "", err
	}
	if raw.Kind() != '"' {
		return "", r.fail("must be a UUID, not %s", describe(raw.Kind()))
	}
	text := bytes.Trim(raw, `"`)
	if isLowerUUID(text) {
		return r.shared(raw), nil
	}
	id, err := uuid.ParseBytes(text)
	if err != nil || len(text) != 36 {
		return "", r.fail("%q is not a UUID", shorten(unquote(raw)))
	}
	return id.String(), nil
}

// isLowerUUID reports whether text is a UUID as it is returned by String.
func isLowerUUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

// fail returns an error about the value that was read last.
func (r *reader) fail(format string, args ...any) error {
	return Invalid(r.path(r.dec.StackPointer()), format, args...)
}

// missing returns an error about a member that the last object lacks.
func (r *reader) missing(name string) error {
	return Invalid(r.path(r.dec.StackPointer())+"."+name, "is missing")
}

// path returns a pointer in the form data.3.averageRate.
func (r *reader) path(pointer jsontext.Pointer) string {
	path := []byte("data")
	for token := range pointer.Tokens() {
		path = append(append(path, '.'), token...)
		if len(path) > maxPath {
			return strings.ToValidUTF8(string(path[:maxPath]), "") + "…"
		}
	}
	return string(path)
}

// syntaxError translates an error of the decoder.
func (r *reader) syntaxError(err error) error {
	if errors.Is(err, io.EOF) {
		return Invalid("data", "is empty: send a JSON object or array")
	}
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return Invalid("data", "not valid JSON: %s", err)
	}
	path := r.path(syntax.JSONPointer)
	switch {
	case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return Invalid(path, "this name occurs twice in the same object")
	case errors.Is(syntax.Err, io.ErrUnexpectedEOF):
		return Invalid(path, "not valid JSON: it ends too early")
	}
	return Invalid(path, "not valid JSON: %s (byte %d)", syntax.Err, syntax.ByteOffset)
}

func describe(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 'n':
		return "null"
	}
	return "true or false"
}

// unquote returns the text of a valid JSON string.
func unquote(raw jsontext.Value) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // the decoder has checked it
	return string(text)
}
