// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// flushAt is how many bytes of a list are buffered before they are sent.
const flushAt = 64 << 10

// listBuffers reuses buffers of lists, which grow to a little more than flushAt.
var listBuffers = sync.Pool{New: func() any { return new([]byte) }}

// maxReused is the largest buffer that is reused: one large row must not keep its memory.
const maxReused = 4 * flushAt

// ListWriter sends a JSON array item by item, alone or as the first member of an
// object. Until the first bytes are sent, an error can still be answered instead.
type ListWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	status  int
	coding  coding
	mask    *fieldmask.Mask // of an item
	buffer  []byte
	pooled  *[]byte // from listBuffers
	count   int
	started bool
	pace    pace

	compressor compressor // nil: not compressed
}

// NewArrayWriter returns a writer of a bare array, to be finished with End.
func NewArrayWriter(w http.ResponseWriter, status int, mask *fieldmask.Mask, n Negotiation) *ListWriter {
	return newListWriter(w, status, mask, n, "[")
}

// NewMemberWriter returns a writer of {"name": [ ... ]}, to be finished with EndObject.
func NewMemberWriter(w http.ResponseWriter, status int, name string, mask *fieldmask.Mask, n Negotiation) *ListWriter {
	return newListWriter(w, status, mask, n, fmt.Sprintf("{%q:[", name))
}

func newListWriter(w http.ResponseWriter, status int, mask *fieldmask.Mask, n Negotiation, start string) *ListWriter {
	pooled := listBuffers.Get().(*[]byte)
	return &ListWriter{
		w:       w,
		control: http.NewResponseController(w),
		status:  status,
		coding:  n.coding,
		mask:    mask,
		buffer:  append((*pooled)[:0], start...),
		pooled:  pooled,
		pace:    pace{now: time.Now},
	}
}

// Count returns how many items were added.
func (l *ListWriter) Count() int { return l.count }

// Started reports whether part of the answer has been sent, so that the status can no
// longer be changed.
func (l *ListWriter) Started() bool { return l.started }

// Add appends one item, given as JSON, and sends the buffer when it is full. Its error
// is ErrDisconnected, or means that the item is not JSON.
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

// End closes the array and sends the rest.
func (l *ListWriter) End() error { return l.end(nil) }

// EndObject closes the array, adds the members of another object, given as JSON, to the
// object around it, and closes that too. It sends the rest.
func (l *ListWriter) EndObject(members []byte) error {
	rest := members[1:] // without its brace
	if len(rest) > 1 {
		return l.end(append([]byte{','}, rest...))
	}
	return l.end(rest)
}

func (l *ListWriter) end(rest []byte) error {
	defer l.release()
	l.buffer = append(l.buffer, ']')
	l.buffer = append(l.buffer, rest...)
	if !l.started {
		l.started = true
		return sendWhole(l.w, l.status, l.buffer, l.coding)
	}
	if err := l.send(); err != nil {
		return err
	}
	if err := l.finish(); err != nil {
		return fmt.Errorf("end list: %w: %w", ErrDisconnected, err)
	}
	return limit(l.control, time.Time{}) // the connection serves other requests after this one
}

// release keeps the buffer for the next list.
func (l *ListWriter) release() {
	if cap(l.buffer) <= maxReused {
		*l.pooled = l.buffer
		listBuffers.Put(l.pooled)
	}
	l.buffer, l.pooled = nil, nil
}

// finish flushes the compressor.
func (l *ListWriter) finish() error {
	if l.compressor == nil {
		return flush(l.control)
	}
	if err := l.compressor.Close(); err != nil {
		return err
	}
	freeCompressor(l.coding, l.compressor)
	return flush(l.control)
}

// send sends the buffer and flushes the connection.
func (l *ListWriter) send() error {
	if !l.started {
		l.start()
	}
	if err := limit(l.control, l.pace.begin()); err != nil {
		return err
	}
	defer l.pace.end(len(l.buffer))
	var out io.Writer = l.w
	if l.compressor != nil {
		out = l.compressor
	}
	_, err := out.Write(l.buffer)
	l.buffer = l.buffer[:0]
	if err == nil && l.compressor != nil {
		if err = l.compressor.Flush(); err == nil {
			err = flush(l.control)
		}
	}
	if err != nil {
		return fmt.Errorf("send list: %w: %w", ErrDisconnected, err)
	}
	return nil
}

// start sends the header of a list that is longer than the buffer.
func (l *ListWriter) start() {
	l.started = true
	header := l.w.Header()
	header.Set("Content-Type", contentType)
	header.Add("Vary", "Accept-Encoding")
	if l.coding.compresses() {
		header.Set("Content-Encoding", string(l.coding))
		l.compressor = newCompressor(l.coding, l.w)
	}
	l.w.WriteHeader(l.status)
}
