// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/ramdisk"
)

// signals is a log handler that signals when a wait is logged.
type signals chan struct{}

func (s signals) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "waiting for commands") {
		close(s)
	}
	return len(line), nil
}

// A command stops waiting for a process that holds the database but does not start it.
func TestShareEndsWaiting(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	lock := flock.New(filepath.Join(dir, "postgres.lock"), flock.SetFlag(os.O_CREATE|os.O_RDWR))
	if _, err := lock.TryLock(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock.Path(), []byte("4711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options := localpg.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	_, err := share(t.Context(), options, 200*time.Millisecond)
	want := "the private database in " + dir + " accepts no connections after 200ms, although process 4711 holds it: " +
		"see postgres.log there, stop that process if it hangs, and run the command again"
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := share(over, options, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	db, err := share(t.Context(), options, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPrivateDatabaseOutlivesItsUsers(t *testing.T) {
	t.Parallel()
	dir := ramdisk.Folder(t)
	p := &program{Environment{Now: time.Now}}
	waiting := make(signals)
	log := slog.New(slog.NewTextHandler(waiting, nil))
	first, err := p.openDatabase(t.Context(), config.Config{DataDir: dir}, log, toInitialize)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.openDatabase(t.Context(), config.Config{DataDir: dir}, log, toInitialize)
	if err != nil {
		t.Fatal(err)
	}

	ended := make(chan error, 1)
	go func() { ended <- first.close(context.Background()) }()
	select {
	case <-waiting:
	case err := <-ended:
		t.Fatalf("stopped under another user, with the error %v", err)
	}
	if err := postgres.MigrateURL(t.Context(), second.url); err != nil {
		t.Errorf("the second user's work: %v", err)
	}
	if err := second.close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
