// SPDX-License-Identifier: AGPL-3.0-or-later

// Package backup writes and reads backups: single files with the rows of the
// service's tables.
//
// A backup is a tar archive that is compressed with zstd. It can be listed, checked
// and unpacked with the usual tools. Its members, in this order:
//
//	manifest.json        what the backup holds, see Manifest
//	secret.key           the key that seals the tokens; optional
//	TABLE/000001.copy    rows in the text format of COPY, split into chunks at any
//	                     byte; a table without rows has none
//	SHA256SUMS           checksums of all of these, as sha256sum writes them
//
// Writing and reading take a few megabytes of memory, regardless of the backup's size.
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

	// chunkBytes is the size of the chunks of a table, except for the last.
	chunkBytes = 4 << 20
	// maxManifest and maxKey bound the bytes that are read into memory.
	maxManifest = 1 << 20
	maxKey      = 4 << 10
	// maxWindow bounds the memory for decompression, and is the window of the default
	// compression.
	maxWindow = 8 << 20
)

// Errors of reading. The text of an error that wraps ErrDamaged says what is wrong.
var (
	ErrNoBackup = errors.New("the file is not a backup of this service")
	ErrDamaged  = errors.New("the backup is damaged")
	ErrCut      = errors.New("the backup is truncated: it was not completely written or copied")
	ErrNewer    = errors.New("the backup was made by a later release in a format that this release cannot read")
)

// Manifest says what a backup holds.
type Manifest struct {
	Format        int       `json:"format"`
	CreatedAt     time.Time `json:"created_at"` // time of the snapshot
	Program       string    `json:"program"`    // version of the service
	PostgreSQL    string    `json:"postgresql"` // version of the server
	SchemaVersion int64     `json:"schema_version"`
	// KeyCheck is a known text sealed with the secret key. Opening it shows whether
	// another key is the same.
	KeyCheck []byte `json:"key_check"`
	// Tables are in an order in which they can be filled: referenced tables come first.
	Tables []Table `json:"tables"`
}

// Table describes a table and its rows.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"` // in the order of the values
	Rows    int64    `json:"rows"`
	// Sequences are the last values of the columns with a sequence.
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
