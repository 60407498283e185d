package cli

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// signals is a log that tells when something is waited for.
type signals chan struct{}

func (s signals) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "waiting for commands") {
		close(s)
	}
	return len(line), nil
}

func TestPrivateDatabaseOutlivesItsUsers(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "stats-service-cli-") // not t.TempDir: other users have to pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	p := &program{Surroundings{Now: time.Now}}
	waiting := make(signals)
	log := slog.New(slog.NewTextHandler(waiting, nil))
	first, err := p.openDatabase(t.Context(), config.Config{DataDir: dir}, log, false)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.openDatabase(t.Context(), config.Config{DataDir: dir}, log, false)
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
