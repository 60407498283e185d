// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monarc-project/stats-service/internal/stats"
)

// anyText accepts invalid text: a fault in one stat, which its own validation finds,
// must not make the whole answer unreadable. The Python service sends unpaired
// surrogates as it received them.
var anyText = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

var errNotAnswer = errors.New("the answer is not a JSON object, as a stats service would send")

// limits bound the bytes of an answer.
type limits struct {
	element int64 // of each listed stat, which is held in memory
	outside int64 // of everything but the listed stats
	whole   int64
}

// listLimits are for a list of a week. The whole has room for 100,000 analyses a day.
var listLimits = limits{element: 64 << 20, outside: 16 << 20, whole: 64 << 30}

// acknowledgementLimits are for the answer to a batch: the batch itself, escaped in
// the longest way, with an error for each of its stats.
func acknowledgementLimits(batch []stats.Stat) limits {
	const (
		smallest = 8 << 20
		fault    = 8 << 10
		escaped  = 6
		most     = 128 << 20
	)
	largest, whole := 0, int64(smallest)
	for i := range batch {
		largest = max(largest, len(batch[i].Data))
		whole += fault + escaped*int64(len(batch[i].Data))
	}
	return limits{element: smallest + escaped*int64(largest), outside: smallest, whole: min(whole, most)}
}

// bounded reads an answer and fails at its limits, so that an endless answer neither
// fills the memory nor blocks the work.
type bounded struct {
	io.Reader
	link   *link
	limits limits
	read   int64
	limit  int64 // of read, for what is being read
	listed int64 // bytes of listed stats so far
}

func newBounded(body io.Reader, l *link, limits limits) *bounded {
	return &bounded{Reader: body, link: l, limits: limits, limit: limits.outside}
}

// eachElement applies the limits to eachElement of a decoder that reads from b.
func (b *bounded) eachElement(d *jsontext.Decoder, visit func() error) error {
	begin := d.InputOffset()
	err := eachElement(d, func() error {
		b.limit = min(d.InputOffset()+b.limits.element, b.limits.whole)
		return visit()
	})
	b.listed += d.InputOffset() - begin
	b.limit = min(b.listed+b.limits.outside, b.limits.whole)
	return err
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.read >= b.limit {
		return 0, b.link.permanentFailure("its answer is too long: this is not what a stats service would send")
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.limit-b.read)])
	b.read += int64(n)
	return n, err
}

// permanentFailure returns the error of an answer that no retry would improve.
func (l *link) permanentFailure(what string) *peerError {
	failed := l.lost(errors.New(what))
	failed.permanent = true
	return failed
}

// errIncomplete reports an answer to a batch that does not list all of it.
var errIncomplete = errors.New("it says that all stats were stored, but does not list them all")

// unreadable returns the error of a success response that is cut off or malformed.
// It returns errors of the connection and of the context unchanged.
func (l *link) unreadable(err error) error {
	if failed, ok := errors.AsType[*peerError](err); ok {
		return failed // without the decoder's words around it
	}
	syntax, malformed := errors.AsType[*jsontext.SyntacticError](err)
	cutOff := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	if !malformed && !cutOff && !errors.Is(err, errNotAnswer) && !errors.Is(err, errIncomplete) {
		return err
	}
	if malformed { // without the JSON path, which may be of any length
		err = fmt.Errorf("at byte %d: %w", syntax.ByteOffset, syntax.Err)
	}
	failed := l.lost(fmt.Errorf("its answer cannot be read: %w", err))
	failed.foreign = !cutOff && !errors.Is(err, errIncomplete)
	return failed
}

// eachMember reads a body that is one object. visit must read the member's value.
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

// eachElement reads a value. If it is an array, visit is called for each element and
// must read it.
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
			_, err := d.ReadToken() // returns the syntax error
			return err
		}
		if err := visit(); err != nil {
			return err
		}
	}
}
