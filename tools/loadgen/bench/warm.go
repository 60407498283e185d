// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"net/http"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// warmth is how fast an answer comes that was computed before.
type warmth struct {
	compressed      float64 // answers per second
	encoding        string  // "" where the service sent it as it is
	unchanged       float64 // answers per second
	bytes           int64   // of the body as it was sent
	hasETag         bool    // else nothing can be unchanged
	compressedFloor float64 // of as many bytes from a plain handler
	unchangedFloor  float64
}

// measureWarm asks one question until it must be in every cache there is, and
// then counts.
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

// measureFloors asks a plain handler for the same.
func (b *bench) measureFloors(ctx context.Context, w *warmth, q request) (err error) {
	if w.compressedFloor, err = plainRate(ctx, fixed(w.bytes), warmCallers, b.spell, q, http.StatusOK); err != nil {
		return err
	}
	w.unchangedFloor, err = plainRate(ctx, unchanged, warmCallers, b.spell, q, http.StatusNotModified)
	return err
}

// compressedCell says so when the service did not compress.
func (w warmth) compressedCell() string {
	if w.encoding == "" {
		return perSecond(w.compressed) + " (not compressed)"
	}
	return perSecond(w.compressed)
}

// compressedOnly is the rate of compressed answers: none if they were not.
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
