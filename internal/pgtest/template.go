// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// prepare creates missing templates. The caller must hold the start lock.
func (s *server) prepare(ctx context.Context, schema Schema) error {
	version, err := s.query(ctx, "SHOW server_version_num")
	if err != nil {
		return err
	}
	if number, err := strconv.Atoi(version[0]); err != nil {
		return fmt.Errorf("read the version of PostgreSQL: %w", err)
	} else if number >= 15_00_00 {
		s.fileCopy = " STRATEGY file_copy"
	}
	s.empty = "template_empty"
	if err := s.makeTemplate(ctx, s.empty, "template1", compact); err != nil {
		return err
	}
	hash, err := hashOf(schema.Files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	s.migrated = "template_" + hash
	return s.makeTemplate(ctx, s.migrated, s.empty, schema.migrate)
}

func (schema Schema) migrate(ctx context.Context, url string) error {
	if err := schema.Migrate(ctx, url); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// makeTemplate creates a missing database. It renames it to name only when it is complete,
// so that the remains of an interrupted attempt are never copied.
func (s *server) makeTemplate(ctx context.Context, name, from string, fill func(ctx context.Context, url string) error) error {
	there, err := s.query(ctx, "SELECT datname FROM pg_database WHERE datname = '"+name+"'")
	if err != nil || len(there) > 0 {
		return err
	}
	partial := name + "_partial"
	err = s.everywhere(ctx, "DROP DATABASE IF EXISTS "+partial, "CREATE DATABASE "+partial+" TEMPLATE "+from+s.fileCopy)
	if err != nil {
		return err
	}
	if err := fill(ctx, s.urlFor(partial)); err != nil {
		return err
	}
	if s.cluster {
		if err := s.seal(ctx, partial); err != nil {
			return err
		}
	}
	return s.everywhere(ctx, "ALTER DATABASE "+partial+" RENAME TO "+name)
}

// compact rewrites the catalogs of a database without their free space and visibility
// maps: a fifth of the files that each copy would have. It leaves other tables alone,
// since the planner treats vacuumed tables differently.
func compact(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return errors.New(err.Error())
	}
	defer conn.Close(ctx)
	vacuum, err := run(ctx, conn, `SELECT 'VACUUM FULL ' || string_agg(oid::regclass::text, ', ') FROM pg_class
		WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared`)
	if err != nil {
		return err
	}
	_, err = run(ctx, conn, vacuum[0])
	return err
}

// hashOf identifies the names and contents of files.
func hashOf(files fs.FS) (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)[:8]), err
}
