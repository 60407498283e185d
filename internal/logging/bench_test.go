// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"
)

func BenchmarkRequestLine(b *testing.B) {
	for _, format := range []string{FormatText, FormatJSON} {
		b.Run(format, func(b *testing.B) {
			log, _, err := New(Options{Format: format, Stderr: io.Discard})
			if err != nil {
				b.Fatal(err)
			}
			log = Named(log, HTTP).With("instance", "front office")
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					logRequest(log)
				}
			})
		})
	}
}

// BenchmarkStandardRequestLine writes the same record with the handler of the standard
// library, for comparison.
func BenchmarkStandardRequestLine(b *testing.B) {
	log := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{AddSource: true})).With("instance", "front office")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			logRequest(log)
		}
	})
}

func logRequest(log *slog.Logger) {
	log.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("method", "GET"),
		slog.String("route", "/api/v1/stats/processed/"),
		slog.Int("status", 200),
		slog.Duration("duration", 12*time.Millisecond),
		slog.Int64("bytes", 51234),
		slog.String("client", "Example & Söhne"),
		slog.Any("error", errFixed),
	)
}

var errFixed = errors.New("connection reset by peer")

func BenchmarkBelowLevel(b *testing.B) {
	log, _, err := New(Options{Level: slog.LevelWarn, Stderr: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		logRequest(log)
	}
}
