// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Writer writes a backup: the tables of its manifest in order.
type Writer struct {
	manifest Manifest
	zstd     *zstd.Encoder
	tar      *tar.Writer
	sums     bytes.Buffer
	next     int    // index of the next table
	table    Table  // being written
	chunks   int    // of the table, written so far
	chunk    []byte // not written yet
	rows     int64  // of the table
	done     int64  // rows of all tables
}

// NewWriter writes the manifest and, unless it is empty, the secret key. Call Next before
// the rows of each table, and Close after the last table.
func NewWriter(w io.Writer, manifest Manifest, key string) (*Writer, error) {
	manifest.Format = format
	compressor, err := zstd.NewWriter(w, zstd.WithWindowSize(maxWindow), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	b := &Writer{manifest: manifest, zstd: compressor, tar: tar.NewWriter(compressor), chunk: make([]byte, 0, chunkBytes)}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("the manifest of the backup has %d bytes, more than the limit of %d", len(text), maxManifest)
	}
	if err := b.member(manifestName, append(text, '\n')); err != nil {
		return nil, err
	}
	if key != "" {
		err = b.member(keyName, []byte(key+"\n"))
	}
	return b, err
}

// member writes a member and records its checksum.
func (b *Writer) member(name string, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: b.manifest.CreatedAt.Truncate(time.Second)}
	if err := b.tar.WriteHeader(header); err != nil {
		return err
	}
	if _, err := b.tar.Write(content); err != nil {
		return err
	}
	b.sums.WriteString(sumLine(sha256.Sum256(content), name))
	return nil
}

// sumLine returns a line of SHA256SUMS.
func sumLine(sum [sha256.Size]byte, name string) string { return fmt.Sprintf("%x  %s\n", sum, name) }

// chunkName returns the name of the nth chunk of a table, counted from 1.
func chunkName(table string, n int) string { return fmt.Sprintf("%s/%06d.copy", table, n) }

// Next ends the current table and begins the next one of the manifest.
func (b *Writer) Next() error {
	if err := b.endTable(); err != nil {
		return err
	}
	b.table, b.chunks, b.rows = b.manifest.Tables[b.next], 0, 0
	b.next++
	return nil
}

func (b *Writer) endTable() error {
	if b.rows != b.table.Rows {
		return fmt.Errorf("table %s has %d rows instead of %d", b.table.Name, b.rows, b.table.Rows)
	}
	if len(b.chunk) == 0 {
		return nil
	}
	return b.endChunk()
}

func (b *Writer) endChunk() error {
	b.chunks++
	err := b.member(chunkName(b.table.Name, b.chunks), b.chunk)
	b.chunk = b.chunk[:0]
	return err
}

// Write appends rows of the current table in the text format of COPY, one row per line.
func (b *Writer) Write(text []byte) (n int, err error) {
	rows := int64(bytes.Count(text, []byte{'\n'}))
	b.rows += rows
	b.done += rows
	for len(text) > 0 {
		part := text[:min(len(text), chunkBytes-len(b.chunk))]
		b.chunk = append(b.chunk, part...)
		n, text = n+len(part), text[len(part):]
		if len(b.chunk) == chunkBytes {
			if err := b.endChunk(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Done returns how many rows of all tables have been written.
func (b *Writer) Done() int64 { return b.done }

// Close ends the backup. Without it, the backup counts as truncated.
func (b *Writer) Close() error {
	if err := b.endTable(); err != nil {
		return err
	}
	if err := b.member(sumsName, b.sums.Bytes()); err != nil {
		return err
	}
	if err := b.tar.Close(); err != nil {
		return err
	}
	return b.zstd.Close()
}
