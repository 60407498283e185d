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

// superuser owns the cluster and is used to set it up; the application
// connects as a role that may not read the server's files or run programs.
const superuser = "postgres"

// role is the database user of the application.
const role = "statsservice"

// initCluster creates the cluster. It is made beside its place and moved
// there when it is complete, so that an interrupted attempt leaves nothing
// that looks like a cluster.
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

// initArguments makes clusters equal on every machine. Connections on the
// socket are trusted: only the server's own user and root can enter its
// folder, which has mode 0700. There are no others to ask for a password.
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

// serverArguments is the command line of the server.
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
		// One service with a pool of connections, on a machine that has other
		// things to do: little shared memory, no processes that only wait.
		"max_connections":                 "50",
		"shared_buffers":                  "64MB",
		"max_logical_replication_workers": "0",
		// Nobody replicates this server, so the log of changes is only there
		// for crashes and may stay small.
		"wal_level":       "minimal",
		"max_wal_senders": "0",
		"max_wal_size":    "512MB",
		// Compiling the short queries of the service costs more than it saves.
		"jit": "off",
	}
	maps.Copy(settings, overrides)
	args := []string{"-D", place.cluster()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// quoteListItem keeps spaces and capitals in a path as they are.
func quoteListItem(path string) string {
	return `"` + strings.ReplaceAll(path, `"`, `""`) + `"`
}
