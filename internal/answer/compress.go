// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// coding is a content coding, by its registered name.
type coding string

// The codings that answers are sent in.
const (
	identity  coding = "identity"
	gzipped   coding = "gzip"
	zstandard coding = "zstd"
)

// compresses reports whether the coding is a compression.
func (c coding) compresses() bool { return c == gzipped || c == zstandard }

const (
	// compressFrom is the smallest size that is compressed: smaller answers fit into
	// the first packets anyway.
	compressFrom = 1 << 10
	// gzipLevel takes half the time of the default level for few more bytes.
	gzipLevel = 5
	// window is how far a compressor looks back, which determines its memory.
	window = 512 << 10
)

// compressor is a reusable compressing writer.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// compressors are reused between answers: each takes about a megabyte.
var compressors = map[coding]*sync.Pool{
	gzipped:   {New: func() any { return newGzip() }},
	zstandard: {New: func() any { return newZstandard() }},
}

func newGzip() compressor {
	w, err := gzip.NewWriterLevel(nil, gzipLevel)
	if err != nil {
		panic(fmt.Sprintf("gzip level %d: %v", gzipLevel, err)) // a constant
	}
	return w
}

func newZstandard() compressor {
	w, err := zstd.NewWriter(nil, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("zstd window %d: %v", window, err)) // constants
	}
	return w
}

// newCompressor returns a compressor that writes to w. Pass it to freeCompressor once
// the answer is complete; after an error, leave it to the garbage collector.
func newCompressor(c coding, w io.Writer) compressor {
	compressor := compressors[c].Get().(compressor)
	compressor.Reset(w)
	return compressor
}

func freeCompressor(c coding, used compressor) {
	used.Reset(io.Discard) // it must not hold on to the connection
	compressors[c].Put(used)
}

// compress returns body in another coding.
func compress(c coding, body []byte) []byte {
	var out bytes.Buffer
	w := newCompressor(c, &out)
	_, writeErr := w.Write(body)
	if closeErr := w.Close(); writeErr != nil || closeErr != nil {
		return nil // cannot fail in memory; the answer would be sent uncompressed
	}
	freeCompressor(c, w)
	return bytes.Clone(out.Bytes())
}
