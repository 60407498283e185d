package answer

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/monarc-project/stats-service/internal/fieldmask"
)

const (
	// flushAt is how many bytes of a list are gathered before they are sent.
	flushAt = 64 << 10
	// stallLimit is how long a reader of a list may take for what was gathered
	// before the connection, and with it the database's, is given up.
	stallLimit = 60 * time.Second
)

// ListWriter sends a JSON array, alone or as the first member of an object, item
// by item. Until the first bytes are sent, an error can still become an answer
// of its own.
type ListWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	status  int
	mask    *fieldmask.Mask // of an item
	buffer  []byte
	count   int
	started bool
}

// NewArrayWriter returns a writer of a bare array, to be closed with End.
func NewArrayWriter(w http.ResponseWriter, status int, mask *fieldmask.Mask) *ListWriter {
	return newListWriter(w, status, mask, "[")
}

// NewMemberWriter returns a writer of {"name": [ ... ]}, to be closed with
// EndObject.
func NewMemberWriter(w http.ResponseWriter, status int, name string, mask *fieldmask.Mask) *ListWriter {
	return newListWriter(w, status, mask, fmt.Sprintf("{%q:[", name))
}

func newListWriter(w http.ResponseWriter, status int, mask *fieldmask.Mask, start string) *ListWriter {
	buffer := make([]byte, 0, flushAt+flushAt/2)
	return &ListWriter{
		w:       w,
		control: http.NewResponseController(w),
		status:  status,
		mask:    mask,
		buffer:  append(buffer, start...),
	}
}

// Count returns how many items were added.
func (l *ListWriter) Count() int { return l.count }

// Started reports whether a part of the answer has left, so that the status can
// no longer be changed.
func (l *ListWriter) Started() bool { return l.started }

// Add appends one item, given as JSON, and sends what has gathered when it is
// enough. An error is ErrHungUp, or means that the item is no JSON.
func (l *ListWriter) Add(item []byte) error {
	if l.count > 0 {
		l.buffer = append(l.buffer, ',')
	}
	l.count++
	if err := l.appendMasked(item); err != nil {
		return err
	}
	if len(l.buffer) < flushAt {
		return nil
	}
	return l.send()
}

func (l *ListWriter) appendMasked(item []byte) error {
	if l.mask == nil {
		l.buffer = append(l.buffer, item...)
		return nil
	}
	buffer, err := l.mask.Apply(l.buffer, item)
	if err != nil {
		return fmt.Errorf("mask item: %w", err)
	}
	l.buffer = buffer
	return nil
}

// End closes the array and sends what is left.
func (l *ListWriter) End() error { return l.end(nil) }

// EndObject closes the array and the object around it, which gets the members of
// another object, given as JSON, as well. It sends what is left.
func (l *ListWriter) EndObject(members []byte) error {
	rest := members[1:] // without its brace
	if len(rest) > 1 {
		return l.end(append([]byte{','}, rest...))
	}
	return l.end(rest)
}

func (l *ListWriter) end(rest []byte) error {
	l.buffer = append(l.buffer, ']')
	l.buffer = append(l.buffer, rest...)
	if err := l.send(); err != nil {
		return err
	}
	return l.limit(time.Time{}) // the connection serves other requests after this one
}

func (l *ListWriter) send() error {
	if !l.started {
		l.started = true
		l.w.Header().Set("Content-Type", contentType)
		l.w.WriteHeader(l.status)
	}
	if err := l.limit(time.Now().Add(stallLimit)); err != nil {
		return err
	}
	_, err := l.w.Write(l.buffer)
	l.buffer = l.buffer[:0]
	if err != nil {
		return fmt.Errorf("send list: %w: %w", ErrHungUp, err)
	}
	return nil
}

func (l *ListWriter) limit(deadline time.Time) error {
	err := l.control.SetWriteDeadline(deadline)
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("limit the time to send: %w", err)
	}
	return nil
}
