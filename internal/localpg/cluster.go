// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// superuser owns the cluster and sets it up. The application connects as role, which
// may neither read the server's files nor run programs.
const superuser = "postgres"

// role is the database user of the application.
const role = "statsservice"

// initCluster creates the cluster. It is created under a temporary name and then
// renamed, so that an interrupted attempt leaves nothing that looks like a cluster.
func initCluster(ctx context.Context, place layout, acct account, bin binaries, noSync bool) error {
	partial := place.cluster() + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("remove an unfinished database: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	cmd := command(ctx, acct, place.home(), bin.path("initdb"), initArguments(partial, noSync)...)
	if out, err := cmd.CombinedOutput(); ctx.Err() != nil {
		return fmt.Errorf("create the database in %s: %w", place.dir, ctx.Err())
	} else if err != nil {
		return fmt.Errorf("create the database in %s with %s: %w\n%s", place.dir, cmd.Path, err, tail(out))
	}
	if err := os.Rename(partial, place.cluster()); err != nil {
		return fmt.Errorf("move the new database to its place: %w", err)
	}
	return nil
}

// initArguments returns the arguments of initdb, which make clusters equal on every
// machine. Connections on the socket are trusted: only the server's own user and root
// can enter its folder, which has mode 0700. So a password would protect against
// nobody.
func initArguments(dir string, noSync bool) []string {
	args := []string{
		"--pgdata=" + dir,
		"--username=" + superuser,
		"--auth-local=trust", "--auth-host=reject",
		"--encoding=UTF8", "--locale=C",
		"--data-checksums",
	}
	if noSync {
		args = append(args, "--no-sync")
	}
	return args
}

// clusterExists reports whether there is a complete cluster.
func clusterExists(place layout) (bool, error) {
	_, err := os.Lstat(place.cluster())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the database: %w", err)
	}
	return true, nil
}

// serverArguments returns the command line of the server.
func serverArguments(place layout, socketDir string, overrides map[string]string) []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"port":                    fmt.Sprint(port),
		"unix_socket_directories": quoteListItem(socketDir),
		"unix_socket_permissions": "0700",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_line_prefix":         "%m [%p] ",
		"log_checkpoints":         "off",
		// For one service with a connection pool, on a shared machine: little shared
		// memory, no idle processes.
		"max_connections":                 "50",
		"shared_buffers":                  "64MB",
		"max_logical_replication_workers": "0",
		// The server has no replicas, so the write-ahead log only serves crash recovery
		// and may stay small.
		"wal_level":       "minimal",
		"max_wal_senders": "0",
		"max_wal_size":    "512MB",
		// JIT compilation costs the service's short queries more than it saves.
		"jit": "off",
	}
	maps.Copy(settings, overrides)
	args := []string{"-D", place.cluster()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// quoteListItem quotes a path so that spaces and capitals are kept.
func quoteListItem(path string) string {
	return `"` + strings.ReplaceAll(path, `"`, `""`) + `"`
}
