// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// handler writes each record with a single call of out.Write, so that a writer that
// serializes calls keeps lines whole.
type handler struct {
	out      io.Writer
	level    slog.Level
	location *time.Location
	encoding encoding

	name     Name
	groups   []string // groups that further attributes belong to
	rendered []byte   // the attributes given so far, encoded
	open     int      // how many of groups are open at the end of rendered
}

// head has the fields before the attributes.
type head struct {
	time     time.Time // zero: unknown
	level    string
	name     Name
	function string // "": unknown, like line
	line     int
	message  string
}

// encoding is a line format. Its methods append to buf.
type encoding interface {
	head(buf []byte, h head) []byte
	// begin opens a group below the groups of path.
	begin(buf []byte, path []string, group string) []byte
	// attr writes an attribute that is not a group. The value is resolved.
	attr(buf []byte, path []string, key string, value slog.Value) []byte
	// end closes the innermost groups.
	end(buf []byte, groups int) []byte
	// tail ends the line; all groups are closed.
	tail(buf []byte) []byte
}

// Enabled implements [slog.Handler].
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle implements [slog.Handler].
func (h *handler) Handle(_ context.Context, record slog.Record) error {
	buffer := newBuffer()
	defer buffer.free()
	buf := h.encoding.head(*buffer, h.head(record))
	buf = append(buf, h.rendered...)
	buf, open := h.inGroups(buf, func(buf []byte) []byte {
		record.Attrs(func(attr slog.Attr) bool {
			buf = h.appendAttr(buf, h.groups, attr)
			return true
		})
		return buf
	})
	buf = h.encoding.tail(h.encoding.end(buf, open))
	*buffer = buf
	_, err := h.out.Write(buf)
	return err
}

func (h *handler) head(record slog.Record) head {
	function, line := position(record.PC)
	at := record.Time
	if !at.IsZero() {
		at = at.In(h.location)
	}
	return head{
		time:     at,
		level:    levelName(record.Level),
		name:     h.name,
		function: function,
		line:     line,
		message:  record.Message,
	}
}

// WithAttrs implements [slog.Handler]. Attributes are encoded here, once.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	name, attrs := splitName(attrs)
	derived := *h
	if name != "" {
		derived.name = name
	}
	derived.rendered, derived.open = h.inGroups(slices.Clone(h.rendered), func(buf []byte) []byte {
		for _, attr := range attrs {
			buf = h.appendAttr(buf, h.groups, attr)
		}
		return buf
	})
	return &derived
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	derived := *h
	derived.groups = append(slices.Clip(h.groups), name)
	return &derived
}

// inGroups calls write to append inside the handler's groups, and returns how many of
// them are open then. Empty groups are not opened.
func (h *handler) inGroups(buf []byte, write func([]byte) []byte) ([]byte, int) {
	before := len(buf)
	for i := h.open; i < len(h.groups); i++ {
		buf = h.encoding.begin(buf, h.groups[:i], h.groups[i])
	}
	begun := len(buf)
	buf = write(buf)
	if len(buf) == begun {
		return buf[:before], h.open
	}
	return buf, len(h.groups)
}

// appendAttr omits empty attributes and empty groups, as [slog.Handler] requires. It
// inlines groups without a name.
func (h *handler) appendAttr(buf []byte, path []string, attr slog.Attr) []byte {
	if isSecret(attr.Key) {
		return h.encoding.attr(buf, path, attr.Key, slog.StringValue(hidden))
	}
	attr.Value = attr.Value.Resolve()
	if attr.Equal(slog.Attr{}) {
		return buf
	}
	if attr.Value.Kind() == slog.KindGroup {
		return h.appendGroup(buf, path, attr.Key, attr.Value.Group())
	}
	return h.encoding.attr(buf, path, attr.Key, attr.Value)
}

func (h *handler) appendGroup(buf []byte, path []string, name string, members []slog.Attr) []byte {
	if name == "" {
		for _, member := range members {
			buf = h.appendAttr(buf, path, member)
		}
		return buf
	}
	before := len(buf)
	buf = h.encoding.begin(buf, path, name)
	begun := len(buf)
	inner := append(slices.Clip(path), name)
	for _, member := range members {
		buf = h.appendAttr(buf, inner, member)
	}
	if len(buf) == begun {
		return buf[:before]
	}
	return h.encoding.end(buf, 1)
}

// levelName returns the name of a level in the documented format. A level in between
// gets the name of the next lower one.
func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	default:
		return "ERROR"
	}
}

// buffer is a reusable buffer for one line.
type buffer []byte

var buffers = sync.Pool{New: func() any {
	b := make(buffer, 0, 1024)
	return &b
}}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

// free returns the buffer to the pool, unless a rare long line made it large.
func (b *buffer) free() {
	const usual = 16 << 10
	if cap(*b) > usual {
		return
	}
	*b = (*b)[:0]
	buffers.Put(b)
}
