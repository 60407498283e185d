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
	// barPause limits how often the bar is drawn: terminals may be slow.
	barPause = 100 * time.Millisecond
)

// terminal is standard error. On a terminal it may show a progress bar, which it clears
// before other output.
type terminal struct {
	out         io.Writer
	interactive bool

	mu  sync.Mutex
	bar *progressbar.ProgressBar // nil if there is none
}

func newTerminal(stderr io.Writer) *terminal {
	return &terminal{out: stderr, interactive: isTerminal(stderr)}
}

// Write implements io.Writer. It ignores errors of the bar.
func (s *terminal) Write(text []byte) (int, error) {
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

const stopNotice = "Stopping after the current step; Ctrl-C again stops at once.\n"

// progress returns a function that shows the progress of work and one that ends the
// display. Without a terminal there is no bar. If ctx ends before the work, a notice is
// printed.
func (s *terminal) progress(ctx context.Context, work string) (show func(done, total int64), end func()) {
	forget := context.AfterFunc(ctx, func() { _, _ = io.WriteString(s, stopNotice) })
	if !s.interactive {
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

// endBar ends the line of the bar.
func (s *terminal) endBar() {
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
