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

// Writer writes a backup: the tables of its manifest, one after the other.
type Writer struct {
	manifest Manifest
	zstd     *zstd.Encoder
	tar      *tar.Writer
	sums     bytes.Buffer
	next     int    // of the tables
	table    Table  // the one that is being written
	pieces   int    // that it has so far
	piece    []byte // not written yet
	rows     int64  // of the table
	done     int64  // rows of all tables
}

// NewWriter begins a backup, with the secret key unless that is empty. Close must be
// called when all tables are written.
func NewWriter(w io.Writer, manifest Manifest, key string) (*Writer, error) {
	manifest.Format = format
	compressor, err := zstd.NewWriter(w, zstd.WithWindowSize(maxWindow), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	b := &Writer{manifest: manifest, zstd: compressor, tar: tar.NewWriter(compressor), piece: make([]byte, 0, pieceBytes)}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	if len(text) > maxManifest {
		return nil, fmt.Errorf("the manifest of the backup has %d bytes, more than %d", len(text), maxManifest)
	}
	if err := b.member(manifestName, append(text, '\n')); err != nil {
		return nil, err
	}
	if key != "" {
		err = b.member(keyName, []byte(key+"\n"))
	}
	return b, err
}

// member writes a member and notes its checksum.
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

// sumLine is a line of SHA256SUMS.
func sumLine(sum [sha256.Size]byte, name string) string { return fmt.Sprintf("%x  %s\n", sum, name) }

// pieceName is the name of the nth piece of a table, from 1 on.
func pieceName(table string, n int) string { return fmt.Sprintf("%s/%06d.copy", table, n) }

// Next ends the table that is being written and begins the next one of the manifest.
func (b *Writer) Next() error {
	if err := b.endTable(); err != nil {
		return err
	}
	b.table, b.pieces, b.rows = b.manifest.Tables[b.next], 0, 0
	b.next++
	return nil
}

func (b *Writer) endTable() error {
	if b.rows != b.table.Rows {
		return fmt.Errorf("table %s gave %d rows where there should be %d", b.table.Name, b.rows, b.table.Rows)
	}
	if len(b.piece) == 0 {
		return nil
	}
	return b.endPiece()
}

func (b *Writer) endPiece() error {
	b.pieces++
	err := b.member(pieceName(b.table.Name, b.pieces), b.piece)
	b.piece = b.piece[:0]
	return err
}

// Write takes rows of the table as COPY writes them, in which a line is a row.
func (b *Writer) Write(text []byte) (n int, err error) {
	rows := int64(bytes.Count(text, []byte{'\n'}))
	b.rows += rows
	b.done += rows
	for len(text) > 0 {
		part := text[:min(len(text), pieceBytes-len(b.piece))]
		b.piece = append(b.piece, part...)
		n, text = n+len(part), text[len(part):]
		if len(b.piece) == pieceBytes {
			if err := b.endPiece(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Done returns how many rows of all tables have been written.
func (b *Writer) Done() int64 { return b.done }

// Close ends the backup, without which it counts as cut off.
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
