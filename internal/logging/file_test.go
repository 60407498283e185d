// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// setupFile returns a logger on a file in a folder that does not exist yet.
func setupFile(t *testing.T) (*slog.Logger, *File, string) {
	t.Helper()
	return setupFileBeside(t, io.Discard)
}

func setupFileBeside(t *testing.T, stderr io.Writer) (*slog.Logger, *File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "var", "log", "stats.log")
	log, file, err := New(Options{Path: path, Stderr: stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return log, file, path
}

// messages returns the messages of a log, which must consist of whole lines.
func messages(t *testing.T, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^\S+ \S+ [A-Z]+ \S+ \S+ \d+: (.*)\n$`)
	var found []string
	for l := range strings.Lines(string(content)) {
		match := line.FindStringSubmatch(l)
		if match == nil {
			t.Fatalf("not a whole line: %q", l)
		}
		found = append(found, match[1])
	}
	return found
}

func TestFileIsCreatedAndAppended(t *testing.T) {
	t.Parallel()
	log, file, path := setupFile(t)
	log.Info("one")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	log, file, err := New(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("two")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one", "two"}, messages(t, path)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, want := range map[string]os.FileMode{path: 0o640, filepath.Dir(path): 0o750} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if more := info.Mode().Perm() &^ want; more != 0 {
			t.Errorf("%s has mode %o, want at most %o", name, info.Mode().Perm(), want)
		}
	}
}

func TestFileCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                                 "open the log file: open " + dir + ": is a directory; make it writable or set LOG_PATH to another place",
		filepath.Join(plain, "stats.log"):   "create the folder of the log file: mkdir " + plain + ": not a directory; make the folder writable or set LOG_PATH to another place",
		filepath.Join(dir, "a\x00b", "log"): "create the folder of the log file: mkdir " + dir + "/a\x00b: invalid argument; make the folder writable or set LOG_PATH to another place",
	} {
		_, _, err := New(Options{Path: path})
		if err == nil {
			t.Errorf("%q could be opened", path)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// TestLinesGoToStandardErrorIfTheFileFails has a full disk and a closed file.
func TestLinesGoToStandardErrorIfTheFileFails(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	log, file, err := New(Options{Path: "/dev/full", Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("full")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	log.Info("closed")
	for _, want := range []string{": full\n", ": closed\n"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("standard error has no %q:\n%s", want, stderr.String())
		}
	}
	if err := file.Reopen(); err == nil {
		t.Error("a closed file was reopened")
	}
}

// TestConcurrentLines has two loggers on one file, as two processes would.
func TestConcurrentLines(t *testing.T) {
	t.Parallel()
	first, _, path := setupFile(t)
	second, file, err := New(Options{Path: path, Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	const writers, each = 8, 200
	var group sync.WaitGroup
	for writer := range writers {
		log := []*slog.Logger{first, second}[writer%2]
		group.Go(func() {
			for i := range each {
				log.Info(fmt.Sprintf("%d %d %s", writer, i, strings.Repeat("x", 100*(i%10))))
			}
		})
	}
	group.Wait()
	checkOrder(t, messages(t, path), writers, each)
}

// checkOrder checks that the messages of each writer are all there, in order.
func checkOrder(t *testing.T, messages []string, writers, each int) {
	t.Helper()
	next := make([]int, writers)
	for _, message := range messages {
		var writer, i int
		if _, err := fmt.Sscanf(message, "%d %d", &writer, &i); err != nil {
			continue
		}
		if i != next[writer] {
			t.Fatalf("writer %d: message %d follows %d", writer, i, next[writer]-1)
		}
		next[writer]++
	}
	for writer, count := range next {
		if count != each {
			t.Errorf("writer %d: %d messages, want %d", writer, count, each)
		}
	}
}

// TestRotationLosesNothing moves the file away while others write.
func TestRotationLosesNothing(t *testing.T) {
	t.Parallel()
	log, file, path := setupFile(t)
	const writers, each, rotations = 4, 300, 20
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range each {
				log.Info(fmt.Sprintf("%d %d", writer, i))
			}
		})
	}
	for i := range rotations {
		if err := os.Rename(path, fmt.Sprintf("%s.%02d", path, i)); err != nil {
			t.Fatal(err)
		}
		if err := file.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
	var all []string
	for i := range rotations {
		all = append(all, messages(t, fmt.Sprintf("%s.%02d", path, i))...)
	}
	checkOrder(t, append(all, messages(t, path)...), writers, each)
}

// TestHangupReopensTheFile does what logrotate does. It is not parallel: the signal goes to
// the whole process.
func TestHangupReopensTheFile(t *testing.T) {
	var stderr bytes.Buffer
	log, file, path := setupFileBeside(t, &stderr)
	ReopenOnHangup(t.Context(), log, file)

	log.Info("before")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("still before")
	hangUp(t)
	waitFor(t, func() bool { return strings.Contains(read(path), "the log file was reopened") })
	log.Info("after")
	if diff := cmp.Diff([]string{"before", "still before"}, messages(t, path+".1")); diff != "" {
		t.Errorf("old file (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"the log file was reopened path=" + path, "after"}, messages(t, path)); diff != "" {
		t.Errorf("new file (-want +got)\n%s", diff)
	}

	t.Run("file cannot be created again", func(t *testing.T) {
		if err := os.Rename(path, path+".2"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		hangUp(t)
		waitFor(t, func() bool { return strings.Contains(read(path+".2"), "could not be reopened") })
		if said := "the log file " + path + " could not be reopened; the old one stays in use: open the log file: "; !strings.HasPrefix(stderr.String(), said) {
			t.Errorf("standard error has %q, want %q", stderr.String(), said)
		}
		log.Info("kept")
		found := messages(t, path+".2")
		want := []string{"the log file was reopened path=" + path, "after",
			"the log file could not be reopened; the old one stays in use path=" + path +
				` error="open the log file: open ` + path + `: is a directory; make it writable or set LOG_PATH to another place"`, "kept"}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestLoggerWithoutAFile checks that all methods of File work without a file.
func TestLoggerWithoutAFile(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	log, file, err := New(Options{Stderr: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	ReopenOnHangup(context.Background(), log, file)
	if err := file.Reopen(); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	log.Info("message")
	if !strings.HasSuffix(stderr.String(), ": message\n") {
		t.Errorf("standard error has %q", stderr.String())
	}
}

func hangUp(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until done returns true. Its limit is longer than any condition takes.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not become true")
		}
	}
}

func read(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}
