// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/backup"
	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
)

func (p *program) dbBackup() *cli.Command {
	return &cli.Command{
		Name:     "db_backup",
		Category: categoryDatabase,
		Usage:    "Write the whole database to one file.",
		Description: "The file is compressed and has checksums. db_restore puts it into an empty database,\n" +
			"also with another version of PostgreSQL. The service may run meanwhile: the backup\n" +
			"is a snapshot. No program of PostgreSQL is needed.",
		Flags: []cli.Flag{
			outputOption(),
			&cli.BoolFlag{Name: "with-key", Usage: "Include the secret key, which shows the tokens of all clients."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			if t.options.String("output") == "" && t.options.Bool("json") {
				return usagef("--json needs --output: the backup itself goes to standard output without it")
			}
			if t.options.String("output") == "" && isTerminal(t.Stdout) {
				return usagef("a backup is not text for a terminal: give --output, or redirect standard output")
			}
			return t.withDatabase(ctx, toWork, func(db *database) error { return t.backUp(ctx, db) })
		}),
	}
}

// backupRecord is the JSON result of db_backup.
type backupRecord struct {
	File          string    `json:"file,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
	Program       string    `json:"program"`
	PostgreSQL    string    `json:"postgresql"`
	SchemaVersion int64     `json:"schema_version"`
	Clients       int64     `json:"clients"`
	Stats         int64     `json:"stats"`
	Rows          int64     `json:"rows"`
	Bytes         int64     `json:"bytes"`
	Key           bool      `json:"with_key"`
	Seconds       float64   `json:"seconds"`
}

func backupRecordOf(manifest backup.Manifest) backupRecord {
	return backupRecord{
		CreatedAt: manifest.CreatedAt, Program: manifest.Program, PostgreSQL: manifest.PostgreSQL, SchemaVersion: manifest.SchemaVersion,
		Clients: manifest.RowsOf("client"), Stats: manifest.RowsOf("stats"), Rows: manifest.Rows(),
	}
}

// write prints the result. done says what was done with the backup.
func (r backupRecord) write(w io.Writer, done string) {
	fmt.Fprintf(w, "%s: clients: %d, stats: %d, rows: %d, bytes: %d, seconds: %g\n", done, r.Clients, r.Stats, r.Rows, r.Bytes, r.Seconds)
}

// keyCheck is what a backup has sealed with the secret key.
const keyCheck = "the secret key of a backup"

func (t *task) backUp(ctx context.Context, db *database) error {
	options := postgres.BackupOptions{URL: db.url, Now: t.Now, Program: buildinfo.String()}
	key, isKept, err := secretKey(t.settings, false)
	switch {
	case err != nil:
		return err
	case isKept:
		options.KeyCheck = secret.New(key).Seal(keyCheck, nil)
	case t.options.Bool("with-key"):
		return &settingsError{fmt.Sprintf("--with-key: there is no secret key here: SECRET_KEY is not set, and %s does not exist",
			filepath.Join(folder(t.settings), keyFile))}
	}
	if t.options.Bool("with-key") {
		options.Key = key
	}
	name, started := t.options.String("output"), t.Now()
	record := backupRecord{}
	show, end := t.terminal.progress(ctx, "Backing up")
	err = t.writeOutput(name, func(w io.Writer) error {
		counted := &countedWriter{Writer: w}
		manifest, err := postgres.Backup(ctx, options, counted, show)
		record = backupRecordOf(manifest)
		record.Bytes = counted.n
		return err
	})
	end()
	if err != nil {
		return interrupted(ctx, err, "there is no backup")
	}
	record.File, record.Key, record.Seconds = name, options.Key != "", seconds(t.Now().Sub(started))
	t.log.Info("the database was backed up", "clients", record.Clients, "stats", record.Stats, "bytes", record.Bytes, "seconds", record.Seconds)
	if name == "" {
		return nil
	}
	return t.print(record, func(w io.Writer) {
		record.write(w, "backed up")
		if record.Key {
			fmt.Fprintln(w, "It contains the secret key: keep it private.")
		} else {
			fmt.Fprintf(w, "It does not contain the secret key: keep a copy of %s elsewhere.\n", t.keyPlace())
		}
	})
}

// keyPlace returns where the secret key is, for messages.
func (t *task) keyPlace() string {
	if t.settings.SecretKey != "" {
		return "SECRET_KEY"
	}
	return filepath.Join(folder(t.settings), keyFile)
}

// interrupted replaces the error of work that a signal ended.
func interrupted(ctx context.Context, err error, outcome string) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return errors.New("interrupted: " + outcome)
	}
	return err
}

// countedWriter counts the bytes that are written.
type countedWriter struct {
	io.Writer
	n int64
}

// Write implements io.Writer.
func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}
