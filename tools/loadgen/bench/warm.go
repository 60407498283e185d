// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"net/http"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// warmth is the rate of a cached answer.
type warmth struct {
	compressed         float64 // answers per second
	encoding           string  // "" if the service did not compress it
	unchanged          float64 // answers per second
	bytes              int64   // of the body as it was sent
	hasETag            bool    // without one, there are no 304 answers
	compressedBaseline float64 // answers per second of as many bytes from a plain handler
	unchangedBaseline  float64
}

// measureWarm sends one request until its answer must be in every cache, and then counts.
func (b *bench) measureWarm(ctx context.Context, s *service.Process, q request) (w warmth, err error) {
	q.encoding = "gzip"
	t, err := times(ctx, s.URL, 3, coldLimit, func(int) request { return q })
	if err != nil {
		return w, err
	}
	w.encoding, w.bytes, w.hasETag = t.last.encoding, t.last.bytes, t.last.etag != ""
	if w.compressed, err = rate(ctx, s.URL, warmCallers, b.spell, q, http.StatusOK); err != nil || !w.hasETag {
		return w, err
	}
	q.etag = t.last.etag
	w.unchanged, err = rate(ctx, s.URL, warmCallers, b.spell, q, http.StatusNotModified)
	return w, err
}

// measureBaselines measures the same with a plain handler.
func (b *bench) measureBaselines(ctx context.Context, w *warmth, q request) (err error) {
	if w.compressedBaseline, err = plainRate(ctx, fixed(w.bytes), warmCallers, b.spell, q, http.StatusOK); err != nil {
		return err
	}
	w.unchangedBaseline, err = plainRate(ctx, unchanged, warmCallers, b.spell, q, http.StatusNotModified)
	return err
}

// compressedCell also says if the service did not compress.
func (w warmth) compressedCell() string {
	if w.encoding == "" {
		return perSecond(w.compressed) + " (not compressed)"
	}
	return perSecond(w.compressed)
}

// compressedOnly returns the rate of compressed answers, 0 if they were not compressed.
func (w warmth) compressedOnly() float64 {
	if w.encoding == "" {
		return 0
	}
	return w.compressed
}

func (w warmth) unchangedCell() string {
	if !w.hasETag {
		return "no ETag"
	}
	return perSecond(w.unchanged)
}
