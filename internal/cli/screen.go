// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barWidth = 30
	// barPause keeps slow terminals from being flooded.
	barPause = 100 * time.Millisecond
)

// screen is standard error. Where that is a terminal, a bar may be drawn on it,
// which gives way to what else is written.
type screen struct {
	out      io.Writer
	terminal bool

	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil: none is drawn
}

func newScreen(stderr io.Writer) *screen {
	return &screen{out: stderr, terminal: isTerminal(stderr)}
}

// Write implements io.Writer. What the bar cannot draw is no error of those who
// write.
func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == nil {
		return s.out.Write(text)
	}
	_ = s.bar.Clear()
	n, err := s.out.Write(text)
	_ = s.bar.RenderBlank()
	return n, err
}

const stopNotice = "Ending after what is under way; Ctrl-C again ends at once.\n"

// progress returns what shows how far work has come, in so many of a total, and
// what ends that. Where there is no terminal, no bar is shown. When ctx ends
// before the work does, that is said.
func (s *screen) progress(ctx context.Context, work string) (show func(done, total int64), end func()) {
	forget := context.AfterFunc(ctx, func() { _, _ = io.WriteString(s, stopNotice) })
	if !s.terminal {
		return func(int64, int64) {}, func() { forget() }
	}
	show = func(done, total int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if total == 0 {
			return
		}
		if s.bar == nil {
			s.bar = newBar(s.out, work, total)
		}
		s.bar.ChangeMax64(total)
		_ = s.bar.Set64(done)
	}
	return show, func() { forget(); s.endBar() }
}

// endBar leaves the bar as it is on a line of its own.
func (s *screen) endBar() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == nil {
		return
	}
	_ = s.bar.Exit()
	_, _ = io.WriteString(s.out, "\n")
	s.bar = nil
}

func newBar(out io.Writer, work string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(work),
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(barPause),
	)
}
