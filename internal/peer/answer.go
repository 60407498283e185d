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

const (
	// maxElement is how many bytes one element or member of an answer may take,
	// which is held in memory.
	maxElement = 64 << 20
	// maxSettlement is how many bytes the answer to a batch may take: the batch
	// itself, escaped in the most wasteful way.
	maxSettlement = 128 << 20
)

// bounded reads an answer and fails at its limit, so that a peer that does not
// come to an end cannot fill the memory.
type bounded struct {
	io.Reader
	link  *link
	read  int64
	limit int64
}

// allow lets d, which reads from b, go on for n bytes from where it is.
func (b *bounded) allow(d *jsontext.Decoder, n int64) { b.limit = d.InputOffset() + n }

func (b *bounded) Read(p []byte) (int, error) {
	if b.read >= b.limit {
		failed := b.link.lost(errors.New("its answer is too long: this is not what a stats service would send"))
		failed.lasting = true
		return 0, failed
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.limit-b.read)])
	b.read += int64(n)
	return n, err
}

// errIncomplete is the answer to a batch that does not account for all of it.
var errIncomplete = errors.New("it says that all stats were stored, but does not list them all")

// unreadable is an answer of success that is cut off or not what it should be.
// The errors of the connection and of the context stay as they are.
func (l *link) unreadable(err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	_, malformed := errors.AsType[*jsontext.SyntacticError](err)
	cutOff := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	if !malformed && !cutOff && !errors.Is(err, errNotAnswer) && !errors.Is(err, errIncomplete) {
		return err
	}
	failed := l.lost(fmt.Errorf("its answer cannot be read: %w", err))
	failed.foreign = !cutOff && !errors.Is(err, errIncomplete)
	return failed
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
