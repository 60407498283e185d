// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Reader reads a backup and checks it meanwhile. The data that it returned is verified
// once Next returns io.EOF.
type Reader struct {
	from     *source
	zstd     *zstd.Decoder
	tar      *tar.Reader
	manifest Manifest
	key      string
	sums     bytes.Buffer
	header   *tar.Header // of the next member
	next     int         // index of the next table
	done     int64       // rows of all tables that were read
	table    *rows
}

// source keeps the error of reading the file, to distinguish it from damaged content.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// NewReader reads the manifest and the key of a backup. The caller must call Close.
func NewReader(r io.Reader) (*Reader, error) {
	from := &source{Reader: r}
	decompressor, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	b := &Reader{from: from, zstd: decompressor, tar: tar.NewReader(decompressor)}
	if err := b.begin(); err != nil {
		b.Close()
		return nil, b.explain(err)
	}
	return b, nil
}

// Close frees memory. It does not close the reader of NewReader.
func (b *Reader) Close() { b.zstd.Close() }

// Manifest returns the manifest of the backup.
func (b *Reader) Manifest() Manifest { return b.manifest }

// Key returns the secret key, or "" if the backup has none.
func (b *Reader) Key() string { return b.key }

// Done returns how many rows of all tables have been read.
func (b *Reader) Done() int64 { return b.done }

// explain maps errors of the libraries to those of this package.
func (b *Reader) explain(err error) error {
	switch {
	case err == nil || err == io.EOF || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNoBackup) || errors.Is(err, ErrNewer):
		return err
	case b.from.err != nil:
		return fmt.Errorf("read the backup: %w", b.from.err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrCut
	}
	return fmt.Errorf("%w: %s", ErrDamaged, err)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

func (b *Reader) begin() error {
	err := b.advance()
	if errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, io.EOF) && b.sums.Len() == 0 {
		return ErrNoBackup
	}
	if err != nil {
		return err
	}
	if b.header.Name != manifestName {
		return ErrNoBackup
	}
	text, err := b.small(maxManifest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &b.manifest); err != nil || b.manifest.Format < 1 {
		return damaged("%s cannot be read", manifestName)
	}
	if b.manifest.Format > format {
		return ErrNewer
	}
	if b.header.Name != keyName {
		return nil
	}
	key, err := b.small(maxKey)
	b.key = strings.TrimSpace(string(key))
	return err
}

// advance reads the header of the next member.
func (b *Reader) advance() (err error) {
	b.header, err = b.tar.Next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // end, not advance, reads the end after SHA256SUMS
		if b.sums.Len() == 0 {
			err = io.EOF
		}
	}
	return err
}

// small reads a member that fits in memory, and advances.
func (b *Reader) small(limit int64) ([]byte, error) {
	name := b.header.Name
	if b.header.Size > limit {
		return nil, damaged("%s has %d bytes, more than %d", name, b.header.Size, limit)
	}
	content, err := io.ReadAll(b.tar)
	if err != nil {
		return nil, err
	}
	b.sums.WriteString(sumLine(sha256.Sum256(content), name))
	return content, b.advance()
}

// Next returns the next table and its rows in the format of COPY. It skips unread rows
// of the previous table. At the end of a complete and undamaged backup, it returns
// io.EOF.
func (b *Reader) Next() (Table, io.Reader, error) {
	if b.table != nil {
		if _, err := io.Copy(io.Discard, b.table); err != nil {
			return Table{}, nil, err
		}
	}
	if b.next == len(b.manifest.Tables) {
		return Table{}, nil, b.explain(b.end())
	}
	b.table = &rows{b: b, Table: b.manifest.Tables[b.next], hash: sha256.New()}
	b.next++
	return b.table.Table, b.table, nil
}

// end compares the checksums and checks that the file ends after them.
func (b *Reader) end() error {
	if b.header.Name != sumsName {
		return damaged("found %s instead of %s", b.header.Name, sumsName)
	}
	got, err := io.ReadAll(io.LimitReader(b.tar, int64(b.sums.Len())+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, b.sums.Bytes()) {
		return damaged("the checksums in %s do not match the content", sumsName)
	}
	if _, err := b.tar.Next(); err == nil {
		return damaged("%s is not the last member", sumsName)
	} else if err != io.EOF {
		return err
	}
	if n, err := io.Copy(io.Discard, b.zstd); err != nil {
		return err
	} else if n > 0 {
		return damaged("%d bytes follow the end", n)
	}
	return io.EOF
}

// rows reads the rows of a table from its chunks.
type rows struct {
	Table
	b      *Reader
	hash   hash.Hash
	chunks int
	open   bool // a chunk is being read
	rows   int64
	ended  bool
}

// Read implements io.Reader.
func (r *rows) Read(p []byte) (int, error) {
	n, err := r.read(p)
	return n, r.b.explain(err)
}

func (r *rows) read(p []byte) (int, error) {
	for !r.ended {
		if !r.open {
			if err := r.nextChunk(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := r.b.tar.Read(p)
		r.hash.Write(p[:n])
		lines := int64(bytes.Count(p[:n], []byte{'\n'}))
		r.rows += lines
		r.b.done += lines
		if err == io.EOF {
			err = r.endChunk()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

// nextChunk begins a chunk if the next member is one of this table.
func (r *rows) nextChunk() error {
	if r.b.header.Name == chunkName(r.Name, r.chunks+1) {
		r.chunks++
		r.open = true
		r.hash.Reset()
		return nil
	}
	r.ended = true
	if r.rows != r.Rows {
		return damaged("table %s has %d rows instead of %d", r.Name, r.rows, r.Rows)
	}
	return nil
}

func (r *rows) endChunk() error {
	r.b.sums.WriteString(sumLine([sha256.Size]byte(r.hash.Sum(nil)), r.b.header.Name))
	r.open = false
	return r.b.advance()
}

// Verify reads a whole backup and returns its manifest and its key. It calls progress
// with the number of rows that were read and the total.
func Verify(r io.Reader, progress func(done, total int64)) (manifest Manifest, key string, err error) {
	b, err := NewReader(r)
	if err != nil {
		return Manifest{}, "", err
	}
	defer b.Close()
	total := b.Manifest().Rows()
	buffer := make([]byte, 256<<10)
	for {
		_, rows, err := b.Next()
		if err == io.EOF {
			return b.Manifest(), b.Key(), nil
		}
		for err == nil {
			_, err = rows.Read(buffer)
			progress(b.Done(), total)
		}
		if err != io.EOF {
			return Manifest{}, "", err
		}
	}
}
