// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	// The goals of the answers apply to these ones, at these sizes.
	goalAnswer = "`/stats/vulnerabilities.json`"
	goalPage   = "`/stats`"
	goalSmall  = 1_040
	goalMiddle = 10_400
	goalLarge  = 104_000
)

// measureSize measures every answer at the size that the database has now.
func (b *bench) measureSize(ctx context.Context, s *service.Process, rows int, table *section) error {
	for _, a := range benchmarks(time.Now().UTC()) {
		number := 0
		next := func(int) request { number++; return a.number(number) }
		if _, err := times(ctx, s.URL, 1, coldLimit, next); err != nil { // connects and plans
			return fmt.Errorf("%s: %w", a.name, err)
		}
		cold, err := times(ctx, s.URL, coldRounds, coldLimit, next)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		warm, err := b.measureWarm(ctx, s, a.number(0))
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		if err := b.measureBaselines(ctx, &warm, a.number(0)); err != nil {
			return err
		}
		table.row(thousands(int64(rows)), a.name, ms(cold.median), ms(cold.slowest),
			warm.compressedCell(), perSecond(warm.compressedBaseline), warm.unchangedCell(), perSecond(warm.unchangedBaseline), kilobytesOf(warm.bytes))
		b.judgeAnswer(a.name, rows, cold.median, warm)
	}
	return nil
}

// judgeAnswer records the figures of the goals that apply to an answer at a size.
func (b *bench) judgeAnswer(name string, rows int, cold time.Duration, warm warmth) {
	switch {
	case name == goalPage && rows == goalMiddle:
		b.report.goals.reach(pageCold, cold.Seconds()*1000)
	case name == goalAnswer && rows == goalLarge:
		b.report.goals.reach(publicCold, cold.Seconds()*1000)
		b.report.goals.reach(publicUnchanged, warm.unchanged)
		b.report.goals.reach(publicCompressed, warm.compressedOnly())
	}
}
