// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// listRepeats is how often the list and its baselines are read.
const listRepeats = 5

// everything is the list of all stats, as an admin sees it.
var everything = request{path: "/api/v1/stats/?date_from=1970-01-01", key: adminToken}

// transfer has the number of received bytes and the median of the time.
type transfer struct {
	bytes int64
	took  time.Duration
}

func (t transfer) perSecond() float64 { return float64(t.bytes) / t.took.Seconds() }

func (t transfer) cell() string { return megabytesPerSecond(t.bytes, t.took) }

// measureList reads the list of all stats, alternating with its baselines.
func (b *bench) measureList(ctx context.Context, database string) (err error) {
	if err := b.analyzed(ctx, database); err != nil {
		return err
	}
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	size, _, err := read(ctx, s.URL, everything)
	if err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	p, err := servePlain(streamed(size))
	if err != nil {
		return err
	}
	defer p.Close()
	memory := b.watchMemory(s)
	got, err := inTurn(listRepeats,
		func() (int64, time.Duration, error) { return read(ctx, s.URL, everything) },
		func() (int64, time.Duration, error) { return b.copyOut(ctx, database) },
		func() (int64, time.Duration, error) { return read(ctx, p.url, everything) },
	)
	if err != nil {
		return fmt.Errorf("read the list and its baselines: %w", err)
	}
	b.reportList(got[0], got[1], got[2], memory.peak())
	return nil
}

func (b *bench) reportList(list, copied, plain transfer, peak int64) {
	share := list.perSecond() / copied.perSecond()
	table := b.report.table("List", fmt.Sprintf("All stats of the posts above, in one answer; medians of %d alternating readings. Baselines: %s "+
		"with `COPY (SELECT … data …) TO STDOUT` over the same rows in the same order, and as many bytes from a plain handler.",
		listRepeats, copySource(b.machine.psql)),
		"answer", "time", "speed", "peak memory", "COPY", "share of COPY", "plain handler")
	table.row(megabytes(list.bytes), ms(list.took), list.cell(), memoryCell(peak), copied.cell(), percent(share), plain.cell())
	b.report.goals.reach(listShare, 100*share)
	if peak > 0 {
		b.report.goals.reach(listPeak, float64(peak)/1e6)
	}
}

// inTurn reads from all sources in each round, and returns the median of each source.
func inTurn(rounds int, sources ...func() (int64, time.Duration, error)) ([]transfer, error) {
	result := make([]transfer, len(sources))
	took := make([][]time.Duration, len(sources))
	for range rounds {
		for i, source := range sources {
			size, once, err := source()
			if err != nil {
				return nil, err
			}
			result[i].bytes = size
			took[i] = append(took[i], once)
		}
	}
	for i := range result {
		result[i].took = median(took[i])
	}
	return result, nil
}

func copySource(psql string) string {
	if psql == "" {
		return "this program"
	}
	return "`psql`"
}

// memoryWatch measures the peak memory of a service since the watch began.
type memoryWatch struct {
	pid int
	err error
}

func (b *bench) watchMemory(s *service.Process) memoryWatch {
	return memoryWatch{pid: s.PID, err: service.ForgetPeak(s.PID)}
}

// peak returns the peak in bytes, or 0 if memory cannot be measured.
func (m memoryWatch) peak() int64 {
	_, peak, err := service.Memory(m.pid)
	if m.err != nil || err != nil {
		return 0
	}
	return peak
}

// memoryCell formats a result of peak.
func memoryCell(peak int64) string {
	if peak == 0 {
		return none
	}
	return megabytes(peak)
}
