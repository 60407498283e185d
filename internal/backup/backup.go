// SPDX-License-Identifier: AGPL-3.0-or-later

// Package backup writes and reads backups: single files with the rows of the
// service's tables.
//
// A backup is a tar archive that is compressed with zstd. It can be listed, checked
// and unpacked with the usual tools. Its members, in this order:
//
//	manifest.json        what the backup holds, see Manifest
//	secret.key           the key that seals the tokens, if that was wanted
//	TABLE/000001.copy    rows in the text format of COPY, as a stream that is cut
//	                     into pieces anywhere; a table without rows has none
//	SHA256SUMS           checksums of all of these, as sha256sum writes them
//
// Writing and reading take a few megabytes, however large a backup is.
package backup

import (
	"errors"
	"time"
)

// format is the version of the format that this package writes and reads.
const format = 1

const (
	manifestName = "manifest.json"
	keyName      = "secret.key"
	sumsName     = "SHA256SUMS"

	// pieceBytes is the size of the pieces of a table, of which the last is shorter.
	pieceBytes = 4 << 20
	// maxManifest and maxKey bound what is read into memory.
	maxManifest = 1 << 20
	maxKey      = 4 << 10
	// maxWindow bounds the memory for decompression, and is the window of the default
	// compression.
	maxWindow = 8 << 20
)

// Errors of reading. The text of an error that wraps ErrDamaged says what is wrong.
var (
	ErrNoBackup = errors.New("the file is no backup of this service")
	ErrDamaged  = errors.New("the backup is damaged")
	ErrCut      = errors.New("the backup is cut off: it was not written or copied to its end")
	ErrNewer    = errors.New("the backup was made by a later release, whose format this one does not read")
)

// Manifest says what a backup holds.
type Manifest struct {
	Format        int       `json:"format"`
	CreatedAt     time.Time `json:"created_at"` // when the rows were as they are here
	Program       string    `json:"program"`    // version of the service
	PostgreSQL    string    `json:"postgresql"` // version of the server
	SchemaVersion int64     `json:"schema_version"`
	// KeyCheck is a known text that is sealed with the secret key: it reports whether
	// another key is the same.
	KeyCheck []byte `json:"key_check"`
	// Tables are in an order in which they can be filled: those that are referred to
	// come first.
	Tables []Table `json:"tables"`
}

// Table describes a table and its rows.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"` // in the order of the values
	Rows    int64    `json:"rows"`
	// Sequences are the last numbers that columns were given.
	Sequences map[string]int64 `json:"sequences,omitempty"`
}

// Rows returns the number of all rows.
func (m Manifest) Rows() (n int64) {
	for _, table := range m.Tables {
		n += table.Rows
	}
	return n
}

// RowsOf returns the number of rows of a table.
func (m Manifest) RowsOf(name string) int64 {
	for _, table := range m.Tables {
		if table.Name == name {
			return table.Rows
		}
	}
	return 0
}
