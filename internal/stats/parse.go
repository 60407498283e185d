// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

const (
	// maxErrors bounds the validation errors that are reported about a batch.
	maxErrors = 20
	// longValue is how long a value is at least that is read in turns, which takes longer
	// than at once.
	longValue = 256 << 10
	// maxFieldLen keeps the names of fields in errors readable.
	maxFieldLen = 200
	// bodyField stands for the whole body.
	bodyField = "body"
)

// TooManyItemsError reports a batch with more than MaxItems.
type TooManyItemsError struct{}

// Error implements error.
func (TooManyItemsError) Error() string {
	return fmt.Sprintf("The batch has more than %d stats; send it in smaller ones.", MaxItems)
}

// ParseBatch parses the body of a request that posts stats: a JSON array of objects
// with the members anr, type, date, data and, optionally, uuid. It validates all of
// it, but does not parse documents that are known. The items refer to body.
//
// It calls yield, if not nil, before each item and within long documents; yield may
// block. Errors are those of known and of yield, TooManyItemsError, and *InvalidError,
// which names up to 20 fields by the index of the item, such as 3.data.0.averageRate.
func ParseBatch(body []byte, known Known, yield func() error) (Batch, error) {
	if yield == nil {
		yield = func() error { return nil }
	}
	p := newBatchParser(body)
	p.yield = yield
	if err := p.array(); err != nil {
		return Batch{}, err
	}
	batch := Batch{Items: p.items}
	if !p.errs.full() {
		if err := batch.identify(known); err != nil {
			return Batch{}, err
		}
		if err := batch.read(&p.errs, yield); err != nil {
			return Batch{}, err
		}
	}
	if err := p.errs.err(); err != nil {
		return Batch{}, err
	}
	return batch, nil
}

// read parses the documents that are not known. Its error is that of yield.
func (b *Batch) read(errs *validationErrors, yield func() error) error {
	held, size := 0, 0
	for i := range b.Items {
		item := &b.Items[i]
		if item.Known || item.Data == nil {
			continue
		}
		if errs.full() {
			return nil
		}
		if err := yield(); err != nil {
			return err
		}
		if err := errs.addUnder(strconv.Itoa(i), item.read(yield)); err != nil {
			return err
		}
		held, size = held+len(item.Observations), size+len(item.Data)
		if held > maxObservations || size > maxObservedBytes {
			item.Observations = nil
		}
	}
	return nil
}

// validationErrors collects the errors of a batch.
type validationErrors struct {
	fields  map[string]string
	unknown []string // names of members
}

func (f *validationErrors) full() bool { return len(f.fields) >= maxErrors }

func (f *validationErrors) add(field, reason string) {
	if f.fields == nil {
		f.fields = map[string]string{}
	}
	if _, reported := f.fields[field]; !reported && !f.full() {
		f.fields[field] = reason
	}
}

// addUnder adds the fields of an *InvalidError below a prefix. It returns other errors.
func (f *validationErrors) addUnder(prefix string, err error) error {
	invalid, ok := errors.AsType[*InvalidError](err)
	if !ok {
		return err
	}
	for name, reason := range invalid.Under(prefix).Fields {
		f.add(name, reason)
	}
	return nil
}

// err returns nil or an *InvalidError.
func (f *validationErrors) err() error {
	if len(f.fields) == 0 {
		return nil
	}
	message := "Input payload validation failed; nothing was stored"
	if len(f.unknown) > 0 {
		sort.Strings(f.unknown)
		message = "Unknown arguments: " + strings.Join(slices.Compact(f.unknown), ", ")
	}
	return &InvalidError{Message: message, Fields: f.fields}
}

// batchParser parses the members of items other than the content of data.
type batchParser struct {
	body  []byte
	dec   *jsontext.Decoder
	items []Item
	errs  validationErrors
	field func(name string) string // names a member of the current item in errors
	yield func() error             // see ParseBatch
}

// newBatchParser returns a parser whose decoder allows duplicate names: member finds
// them in an item, and a reader in a document.
func newBatchParser(body []byte) *batchParser {
	return &batchParser{body: body, dec: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))}
}

// array parses the items until there are too many errors.
func (p *batchParser) array() error {
	if kind := p.dec.PeekKind(); kind != jsontext.KindBeginArray && kind != jsontext.KindInvalid {
		return invalidBody("must be an array, not %s", describe(kind))
	}
	switch _, err := p.dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return invalidBody("a JSON body is needed")
	case err != nil:
		return syntaxError(err)
	}
	// Growing the slice would take more memory than all items of a small batch.
	p.items = make([]Item, 0, min(bytes.Count(p.body, []byte(`"anr"`)), MaxItems))
	for i := 0; p.dec.PeekKind() != jsontext.KindEndArray; i++ {
		if p.errs.full() {
			return nil
		}
		if i == MaxItems {
			return TooManyItemsError{}
		}
		if err := p.yield(); err != nil {
			return err
		}
		p.field = func(name string) string { return strings.TrimSuffix(strconv.Itoa(i)+"."+name, ".") }
		if err := p.item(); err != nil {
			return err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	return p.end()
}

// end returns an error if something follows the value.
func (p *batchParser) end() error {
	end := p.dec.InputOffset()
	switch _, err := p.dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return syntaxError(err)
	}
	return notJSON(bodyField, "something follows the end", end)
}

// item parses an item and collects its validation errors. It returns an error if the
// JSON is malformed.
func (p *batchParser) item() error {
	var item Item
	p.items = append(p.items, item)
	kind := p.dec.PeekKind()
	if kind == jsontext.KindNull {
		if _, err := p.dec.ReadToken(); err != nil {
			return syntaxError(err)
		}
		p.missing(&item)
		return nil
	}
	if kind != jsontext.KindBeginObject {
		if _, err := p.value(); err != nil {
			return err
		}
		p.errs.add(p.field(""), "must be an object, not "+describe(kind))
		return nil
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	seen := members(0)
	for p.dec.PeekKind() != jsontext.KindEndObject {
		if p.errs.full() {
			return nil
		}
		if err := p.member(&item, &seen); err != nil {
			return err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	p.missing(&item)
	item.Fingerprint = FingerprintOf(item.Type, item.Data)
	p.items[len(p.items)-1] = item
	return nil
}

// members is a set of envelopeNames.
type members uint8

var envelopeNames = []string{"uuid", "anr", "type", "date", "data"}

// member parses a member of an item.
func (p *batchParser) member(item *Item, seen *members) error {
	token, err := p.dec.ReadToken()
	if err != nil {
		return syntaxError(err)
	}
	name := token.String()
	value, err := p.value()
	if err != nil {
		return err
	}
	index := slices.Index(envelopeNames, name)
	switch {
	case index < 0:
		if !p.errs.full() {
			p.errs.unknown = append(p.errs.unknown, Shorten(maxFieldLen, name))
		}
		p.errs.add(Shorten(maxFieldLen, p.field(name)), "is not known here")
		return nil
	case *seen&(1<<index) != 0:
		p.errs.add(p.field(name), "appears twice in the same object")
		return nil
	}
	*seen |= 1 << index
	if err := p.set(item, name, value); err != nil {
		p.errs.add(p.field(name), ReasonOf(err))
	}
	return nil
}

// value reads a value, and calls yield within one that may be long.
func (p *batchParser) value() (jsontext.Value, error) {
	kind := p.dec.PeekKind()
	contains := kind == jsontext.KindBeginObject || kind == jsontext.KindBeginArray
	if !contains || int64(len(p.body))-p.dec.InputOffset() <= longValue {
		value, err := p.dec.ReadValue()
		if err != nil {
			return nil, syntaxError(err)
		}
		return value, nil
	}
	depth := p.dec.StackDepth()
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, syntaxError(err)
	}
	start := p.dec.InputOffset() - 1
	for turn := start + yieldBytes; p.dec.StackDepth() > depth; {
		if p.dec.InputOffset() >= turn {
			turn = p.dec.InputOffset() + yieldBytes
			if err := p.yield(); err != nil {
				return nil, err
			}
		}
		if _, err := p.dec.ReadToken(); err != nil {
			return nil, syntaxError(err)
		}
	}
	return p.body[start:p.dec.InputOffset()], nil
}

// set stores the value of a member in item. null counts as absent.
func (p *batchParser) set(item *Item, name string, value jsontext.Value) (err error) {
	kind := value.Kind()
	if kind == jsontext.KindNull {
		return nil
	}
	if name == "data" {
		if kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
			return errors.New("must be an object or a list, not " + describe(kind))
		}
		end := int(p.dec.InputOffset()) // value may be the decoder's buffer: refer to body
		item.Data = p.body[end-len(value) : end : end]
		return nil
	}
	if kind != jsontext.KindString {
		return errors.New("must be a string")
	}
	text := unquote(value)
	switch name {
	case "uuid":
		item.UUID, err = parseUUID(text)
	case "anr":
		item.ANR, err = parseUUID(text)
	case "type":
		item.Type, err = ParseType(text)
	case "date":
		item.Date, err = ParseDate(text)
	}
	return err
}

// missing adds an error for each required member that an item lacks.
func (p *batchParser) missing(item *Item) {
	for _, member := range []struct {
		name   string
		absent bool
	}{
		{"anr", item.ANR == uuid.Nil}, {"type", item.Type == ""}, {"date", item.Date.IsZero()}, {"data", item.Data == nil},
	} {
		if member.absent {
			p.errs.add(p.field(member.name), "is required")
		}
	}
}

// parseUUID parses a UUID of any version in its form of 36 characters.
func parseUUID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, fmt.Errorf("%q is not a UUID", shorten(text))
	}
	return id, nil
}

// syntaxError says where a body stops being JSON.
func syntaxError(err error) error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return invalidBody("cannot be read")
	}
	reason := "unexpected end"
	if syntax.Err != nil {
		reason = syntax.Err.Error()
	}
	return notJSON(fieldOf(syntax.JSONPointer), reason, syntax.ByteOffset)
}

func notJSON(field, reason string, offset int64) error {
	return &InvalidError{
		Message: fmt.Sprintf("The body is not valid JSON: %s after byte %d.", reason, offset),
		Fields:  map[string]string{field: "is not valid JSON"},
	}
}

// fieldOf turns /0/date into 0.date, and the empty pointer into bodyField. It leaves
// out a name that was cut off.
func fieldOf(pointer jsontext.Pointer) string {
	if pointer.LastToken() == "" {
		pointer = pointer.Parent()
	}
	parts := slices.Collect(pointer.Tokens())
	if len(parts) == 0 {
		return bodyField
	}
	return Shorten(maxFieldLen, strings.Join(parts, "."))
}

func invalidBody(format string, args ...any) error { return Invalid(bodyField, format, args...) }
