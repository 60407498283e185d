// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
)

// File is the destination of a logger: the log file, or standard error if there is
// none. It is safe for concurrent use, and several processes may write to the same
// file.
type File struct {
	path   string // "": there is no file
	stderr io.Writer

	mu   sync.Mutex // held while writing, so that lines stay whole
	file *os.File   // nil when there is no file or it is closed
}

func openFile(path string, stderr io.Writer) (*File, error) {
	f := &File{path: path, stderr: stderr}
	if path == "" {
		return f, nil
	}
	file, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	f.file = file
	return f, nil
}

// openAppend opens the file with O_APPEND, so that every write goes to its current end.
func openAppend(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("create the folder of the log file: %w; make the folder writable or set LOG_PATH to another place", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open the log file: %w; make it writable or set LOG_PATH to another place", err)
	}
	return file, nil
}

// Write appends a line. If the file cannot take it, for example because the disk is
// full or the file is closed, the line goes to standard error.
func (f *File) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return f.stderr.Write(line)
	}
	if _, err := f.file.Write(line); err == nil {
		return len(line), nil
	}
	return f.stderr.Write(line)
}

// Reopen opens the file at the path again, creating it if the old one was moved away,
// and switches to it. After an error, the old file stays in use. Without a file it does
// nothing.
func (f *File) Reopen() error {
	if f.path == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return fmt.Errorf("reopen the log file %s: %w", f.path, os.ErrClosed)
	}
	file, err := openAppend(f.path)
	if err != nil {
		return err
	}
	old := f.file
	f.file = file
	if err := old.Close(); err != nil {
		return fmt.Errorf("close the old log file: %w", err)
	}
	return nil
}

// Close closes the file. Later lines go to standard error.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close the log file: %w", err)
	}
	return nil
}

// ReopenOnHangup reopens the file on each SIGHUP, which log rotation sends, and logs the
// result, failures also on standard error. It returns at once. After ctx ends, or without
// a file, SIGHUP terminates the process as usual.
func ReopenOnHangup(ctx context.Context, log *slog.Logger, file *File) {
	if file.path == "" {
		return
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				file.reopenAndLog(log)
			}
		}
	}()
}

// warn writes to standard error, since the file may have been deleted.
func (f *File) warn(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(f.stderr, format, args...)
}

func (f *File) reopenAndLog(log *slog.Logger) {
	err := f.Reopen()
	switch {
	case errors.Is(err, os.ErrClosed):
		return // the process is ending
	case err != nil:
		f.warn("the log file %s could not be reopened; the old one stays in use: %s\n", f.path, err)
		log.Error("the log file could not be reopened; the old one stays in use", "path", f.path, "error", err)
	default:
		log.Info("the log file was reopened", "path", f.path)
	}
}
