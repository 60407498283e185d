// SPDX-License-Identifier: AGPL-3.0-or-later

package fieldmask

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

var errTrailing = errors.New("more than one JSON value")

// Apply appends the masked form of the JSON value src to dst and returns the extended
// slice. Members keep their order, and unmasked values keep their bytes. If src is not
// valid JSON, Apply returns dst unchanged and an error. A nil mask copies src without
// parsing it. src must not overlap the free capacity of dst.
func (m *Mask) Apply(dst, src []byte) ([]byte, error) {
	if m == nil {
		return append(dst, src...), nil
	}
	// Allow duplicate names: tracking them would cost more than masking does.
	dec := jsontext.NewDecoder(bytes.NewBuffer(src), jsontext.AllowDuplicateNames(true))
	w := writer{dec: dec, out: dst}
	if err := w.document(m); err != nil {
		return dst, fmt.Errorf("apply field mask: %w", err)
	}
	return w.out, nil
}

// writer copies the members that the masks keep from dec to out.
type writer struct {
	dec     *jsontext.Decoder
	out     []byte
	scratch []byte // unescaped names
}

func (w *writer) document(m *Mask) error {
	switch err := w.value(m); {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	}
	switch _, err := w.dec.ReadToken(); {
	case err == nil:
		return errTrailing
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

func (w *writer) value(m *Mask) error {
	if m != nil {
		switch w.dec.PeekKind() {
		case '{':
			return w.object(m)
		case '[':
			return w.array(m)
		}
	}
	raw, err := w.dec.ReadValue()
	w.out = append(w.out, raw...)
	return err
}

func (w *writer) array(m *Mask) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	w.out = append(w.out, '[')
	for first := true; w.dec.PeekKind() != ']'; first = false {
		if !first {
			w.out = append(w.out, ',')
		}
		if err := w.value(m); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	_, err := w.dec.ReadToken()
	return err
}

func (w *writer) object(m *Mask) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	w.out = append(w.out, '{')
	for first := true; w.dec.PeekKind() != '}'; {
		written, err := w.member(m, first)
		if err != nil {
			return err
		}
		first = first && !written
	}
	w.out = append(w.out, '}')
	_, err := w.dec.ReadToken()
	return err
}

// member copies the next member if m keeps it, with a comma before it unless it is the
// first of its object.
func (w *writer) member(m *Mask, first bool) (written bool, err error) {
	name, err := w.dec.ReadValue()
	if err != nil {
		return false, err
	}
	sub, keep := w.lookup(m, name)
	if !keep {
		return false, w.dec.SkipValue()
	}
	if !first {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, name...)
	w.out = append(w.out, ':')
	return true, w.value(sub)
}

// lookup is Sub for a name in its JSON form.
func (w *writer) lookup(m *Mask, quoted []byte) (sub *Mask, keep bool) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		// The decoder has accepted the name, so unescaping it cannot fail.
		w.scratch, _ = jsontext.AppendUnquote(w.scratch[:0], quoted)
		name = w.scratch
	}
	if sub, keep = m.fields[string(name)]; keep {
		return sub, true
	}
	sub, keep = m.fields[wildcard]
	return sub, keep
}
