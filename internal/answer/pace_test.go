// SPDX-License-Identifier: AGPL-3.0-or-later

package answer_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/answer"
)

// slowly is a caller that reads each chunk of a list slowly, by its own clock. Like a
// connection, it fails after the deadline.
type slowly struct {
	*httptest.ResponseRecorder
	now, deadline time.Time
	takes         func(written int) time.Duration
}

func (s *slowly) SetWriteDeadline(deadline time.Time) error {
	s.deadline = deadline
	return nil
}

func (s *slowly) Write(p []byte) (int, error) {
	until := s.now.Add(s.takes(s.Body.Len()))
	if !s.deadline.IsZero() && until.After(s.deadline) {
		s.now = s.deadline
		return 0, os.ErrDeadlineExceeded
	}
	s.now = until
	return s.ResponseRecorder.Write(p)
}

func TestListsEndForSlowCallers(t *testing.T) {
	t.Parallel()
	const piece, pieces = 64 << 10, 100
	begin := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	every := func(pause time.Duration) func(int) time.Duration { return func(int) time.Duration { return pause } }
	tests := map[string]struct {
		takes   func(written int) time.Duration
		queries time.Duration // of the database for a chunk
		within  time.Duration // time after which the list ends; 0: it does not
	}{
		"fast":                 {takes: every(time.Millisecond)},
		"slow but steady":      {takes: every(1900 * time.Millisecond)},
		"too slow":             {takes: every(4 * time.Second), within: 41 * time.Second},
		"reads nothing":        {takes: every(time.Hour), within: 20 * time.Second},
		"slow database":        {takes: every(time.Millisecond), queries: time.Minute},
		"stops in the middle":  {takes: stopsAfter(50 * piece), within: 20 * time.Second},
		"pauses in the middle": {takes: pausesAfter(50*piece, 15*time.Second)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &slowly{ResponseRecorder: httptest.NewRecorder(), now: begin, takes: tc.takes}
			list := answer.NewArrayWriter(w, http.StatusOK, nil, answer.Negotiation{}).At(func() time.Time { return w.now })
			item := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), piece)...), '"')
			var err error
			for i := 0; i < pieces && err == nil; i++ {
				w.now = w.now.Add(tc.queries)
				err = list.Add(item)
			}
			if tc.within == 0 {
				if err != nil {
					t.Errorf("the list ended after %s and %d bytes: %v", w.now.Sub(begin), w.Body.Len(), err)
				}
				return
			}
			if took := w.now.Sub(begin); !errors.Is(err, answer.ErrDisconnected) || took > tc.within {
				t.Errorf("after %s: %v, want ErrDisconnected within %s", took, err, tc.within)
			}
		})
	}
}

// stopsAfter reads this many bytes, and then no more.
func stopsAfter(size int) func(written int) time.Duration { return pausesAfter(size, time.Hour) }

func pausesAfter(size int, pause time.Duration) func(written int) time.Duration {
	paused := false
	return func(written int) time.Duration {
		if paused || written < size {
			return 0
		}
		paused = true
		return pause
	}
}
