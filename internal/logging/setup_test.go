// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"
)

// published is the time of the published example, in UTC.
var published = time.Date(2020, 9, 2, 11, 19, 43, 894_000_000, time.UTC)

// setup returns a logger on a buffer whose records all have the published time.
func setup(t *testing.T, opts Options) (*slog.Logger, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	opts.Stderr = &out
	log, _, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return slog.New(stopped{Handler: log.Handler(), at: published}), &out
}

// stopped gives every record the same time.
type stopped struct {
	slog.Handler
	at time.Time
}

func (s stopped) Handle(ctx context.Context, record slog.Record) error {
	record.Time = s.at
	return s.Handler.Handle(ctx, record)
}

func (s stopped) WithAttrs(attrs []slog.Attr) slog.Handler {
	return stopped{Handler: s.Handler.WithAttrs(attrs), at: s.at}
}

func (s stopped) WithGroup(name string) slog.Handler {
	return stopped{Handler: s.Handler.WithGroup(name), at: s.at}
}

// post logs from a function and line of the published example.
func post(log *slog.Logger, level slog.Level, message string, args ...any) {
//line stats.go:248
	log.Log(context.Background(), level, message, args...)
}
