package peer

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// lenient leaves it to the validation of each stats what is wrong with it: a
// fault in one must not make the whole answer unreadable.
var lenient = jsontext.AllowDuplicateNames(true)

var errNotAnswer = errors.New("the answer is not a JSON object, as a stats service would send")

// unreadable is an answer of success that is cut off or not what it should be.
// The errors of the connection and of the context stay as they are.
func (l *link) unreadable(err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	var malformed *jsontext.SyntacticError
	if errors.As(err, &malformed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errNotAnswer) {
		return l.lost(fmt.Errorf("its answer cannot be read: %w", err))
	}
	return err
}

// eachMember reads a document that is one object. visit has to read the value of
// the member.
func eachMember(d *jsontext.Decoder, visit func(name string) error) error {
	if d.PeekKind() != jsontext.KindBeginObject {
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		return errNotAnswer
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := visit(name.String()); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.Join(errNotAnswer, err)
	}
	return nil
}

// eachElement reads a value and calls visit, which has to read it, for each
// element if it is an array.
func eachElement(d *jsontext.Decoder, visit func() error) error {
	if d.PeekKind() != jsontext.KindBeginArray {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for {
		switch d.PeekKind() {
		case jsontext.KindEndArray:
			_, err := d.ReadToken()
			return err
		case jsontext.KindInvalid:
			_, err := d.ReadToken() // says what is wrong
			return err
		}
		if err := visit(); err != nil {
			return err
		}
	}
}
