// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/backup"
	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
)

func (p *program) dbRestore() *cli.Command {
	return &cli.Command{
		Name:     "db_restore",
		Category: categoryDatabase,
		Usage:    "Restore a backup of db_backup into an empty database.",
		Description: "Reads the whole backup first, and writes nothing if it is damaged or truncated. Then\n" +
			"it creates missing tables and fills them, all or none. It refuses a database that\n" +
			"has any rows, and creates a private database if there is none.",
		Flags: []cli.Flag{
			&fileFlag{cli.StringFlag{Name: "input", Usage: "The backup; - is standard input, which is copied to a temporary file first." + required}},
			&cli.BoolFlag{Name: "dry-run", Usage: "Change nothing, only check the backup and show what it contains."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsDatabase, restoreBackup),
	}
}

// restoreRecord is the JSON result of db_restore.
type restoreRecord struct {
	backupRecord
	SecretKey keyState `json:"secret_key,omitempty"`
	DryRun    bool     `json:"dry_run"`
}

// keyState compares the secret key of this instance with that of a backup.
type keyState string

const (
	keySame     keyState = "same"     // the one of the backup
	keyRestored keyState = "restored" // taken from the backup
	keyOther    keyState = "other"    // not the one of the backup
	keyMissing  keyState = "missing"  // in both places
	keyUnknown  keyState = "unknown"  // the backup does not say
)

func restoreBackup(ctx context.Context, t *task) error {
	started := t.Now()
	file, err := t.openInput()
	if err != nil {
		return err
	}
	defer file.Close()
	show, end := t.terminal.progress(ctx, "Checking")
	manifest, key, err := backup.Verify(readUntil(ctx, file), show)
	end()
	if err != nil {
		return interrupted(ctx, fmt.Errorf("check the backup: %w", err), "nothing was changed")
	}
	if err := postgres.CheckBackup(manifest); err != nil {
		return fmt.Errorf("check the backup: %w", err)
	}
	record := restoreRecord{backupRecord: backupRecordOf(manifest), DryRun: t.options.Bool("dry-run")}
	record.Key = key != ""
	if record.Bytes, err = file.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("read the backup again, which has to be a file: %w", err)
	}
	if !record.DryRun {
		err := t.withDatabase(ctx, toRestore, func(db *database) (err error) {
			record.SecretKey, err = t.restore(ctx, db, file)
			return err
		})
		if err != nil {
			return interrupted(ctx, err, "nothing was restored")
		}
		t.log.Info("a backup was restored", "clients", record.Clients, "stats", record.Stats, "created", record.CreatedAt)
		t.warnOfKey(record.SecretKey)
	}
	record.Seconds = seconds(t.Now().Sub(started))
	return t.print(record, record.write)
}

func (r restoreRecord) write(w io.Writer) {
	done := "restored"
	if r.DryRun {
		done = "Dry run, the backup is complete"
	}
	r.backupRecord.write(w, done)
	key := "without"
	if r.Key {
		key = "with"
	}
	fmt.Fprintf(w, "made: %s by release %s on PostgreSQL %s, schema version: %d, %s the secret key\n",
		r.CreatedAt.Format("2006-01-02 15:04:05 UTC"), r.Program, r.PostgreSQL, r.SchemaVersion, key)
}

// restore restores the rows of a backup, and its key if there is none here. A service that
// found the rows without a key would create another one, so the key is stored before the
// rows can be seen, but not before they are all restored: a failure leaves no key.
func (t *task) restore(ctx context.Context, db *database, file io.ReadSeeker) (keyState, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	archive, err := backup.NewReader(file)
	if err != nil {
		return "", err
	}
	defer archive.Close()
	state, err := t.compareKey(archive.Manifest(), archive.Key())
	if err != nil {
		return "", err
	}
	show, end := t.terminal.progress(ctx, "Restoring")
	defer end()
	err = postgres.Restore(ctx, db.url, archive, func() (err error) {
		if state == keyRestored {
			state, err = t.storeKey(archive.Key())
		}
		return err
	}, show)
	return state, err
}

// openInput opens the file of --input, or a copy of standard input, to read it twice.
func (t *task) openInput() (*os.File, error) {
	name := t.options.String("input")
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, usagef("--input %q cannot be read: %s", name, withoutPath(err))
		}
		return file, nil
	}
	file, err := os.CreateTemp("", "stats-service-restore-*") // has mode 0600
	if err != nil {
		return nil, fmt.Errorf("copy standard input to a file: %w", err)
	}
	_, err = io.Copy(file, t.Stdin)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	// The file exists as long as it is open.
	if err = errors.Join(err, os.Remove(file.Name())); err != nil {
		return nil, errors.Join(fmt.Errorf("copy standard input to a file: %w", err), file.Close())
	}
	return file, nil
}

// readUntil reads until ctx ends, and then returns the error of ctx.
func readUntil(ctx context.Context, r io.Reader) io.Reader { return &readerUntil{ctx, r} }

type readerUntil struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r *readerUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// compareKey compares the key here with that of a backup. It returns keyRestored if
// storeKey has to store the key of the backup, and fails if that is impossible.
func (t *task) compareKey(manifest backup.Manifest, key string) (keyState, error) {
	here, isKept, err := secretKey(t.settings, false)
	switch {
	case err != nil:
		return "", err
	case isKept && len(manifest.KeyCheck) == 0:
		return keyUnknown, nil
	case isKept && opens(here, manifest.KeyCheck):
		return keySame, nil
	case isKept:
		return keyOther, nil
	case len(key) < config.MinKeyLength: // also none
		return keyMissing, nil
	}
	if err := canKeepFiles(folder(t.settings)); err != nil {
		return "", fmt.Errorf("the secret key of the backup cannot be stored in DATA_DIR: %w", err)
	}
	return keyRestored, nil
}

// storeKey stores the key of a backup in DATA_DIR, unless another process has just stored
// one there.
func (t *task) storeKey(key string) (keyState, error) {
	if err := os.MkdirAll(t.settings.DataDir, 0o711); err != nil {
		return "", err
	}
	kept, err := secret.KeepKey(filepath.Join(t.settings.DataDir, keyFile), key)
	switch {
	case err != nil:
		return "", err
	case kept != key:
		return keyOther, nil
	}
	return keyRestored, nil
}

func opens(key string, sealed []byte) bool {
	text, err := secret.New(key).Open(sealed, nil)
	return err == nil && text == keyCheck
}

func (t *task) warnOfKey(state keyState) {
	switch state {
	case keyOther:
		t.log.Warn("the secret key here is not that of the backup: clients get in, but their tokens cannot be shown; "+
			"put the key of the backup in its place", "place", t.keyPlace())
	case keyMissing:
		t.log.Warn("the secret key of the backup is not here: put it in its place, or set SECRET_KEY, before the service starts "+
			"and makes another one, with which the tokens of the clients cannot be shown", "place", t.keyPlace())
	}
}
