// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// quantity is something that must not grow.
type quantity struct {
	name    string
	metrics []string // it is the sum of all their series
	// Allowed growth: a share of the first value, plus a constant.
	share float64
	more  float64
	unit  float64 // divisor for the report
}

var quantities = []quantity{
	{"resident memory, MB", []string{"process_resident_memory_bytes"}, 0.2, 16e6, 1e6},
	{"goroutines", []string{"go_goroutines"}, 0.2, 20, 1},
	{"open files", []string{"process_open_fds"}, 0.2, 10, 1},
	{"connections to the database", []string{"stats_service_database_connections"}, 0, 4, 1},
}

// sample has the values of the quantities at one time, in their order.
type sample []float64

// take reads the metrics of the service.
func (s *soak) take(ctx context.Context) (sample, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	defer response.Body.Close()
	return parseSample(response.Body)
}

// parseSample reads metrics in the text format of Prometheus.
func parseSample(text io.Reader) (sample, error) {
	values, found := make(sample, len(quantities)), make([]bool, len(quantities))
	for lines := bufio.NewScanner(text); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, labels, _ := strings.Cut(name, "{")
		if strings.HasPrefix(labels, "le=") {
			continue
		}
		for i, q := range quantities {
			if !slices.Contains(q.metrics, name) {
				continue
			}
			number, err := strconv.ParseFloat(value[strings.LastIndexByte(value, ' ')+1:], 64)
			if err != nil {
				return nil, fmt.Errorf("read the metric %s: %w", name, err)
			}
			values[i] += number
			found[i] = true
		}
	}
	if i := slices.Index(found, false); i >= 0 {
		return nil, fmt.Errorf("the service has no metric %s", quantities[i].metrics[0])
	}
	return values, nil
}

// settling returns how long quantities may grow: a minute, or a third of a short run.
func settling(duration time.Duration) time.Duration { return min(time.Minute, duration/3) }

// report writes a table of the quantities. The error names those that grew between the
// first and the last quarter of the time after settling.
func report(out io.Writer, samples []sample, duration time.Duration) error {
	settled := samples[int(float64(len(samples))*float64(settling(duration))/float64(duration)):]
	if len(settled) < 8 {
		return fmt.Errorf("%d samples are too few", len(settled))
	}
	quarter := len(settled) / 4
	var grown []string
	fmt.Fprintln(out, "| quantity | at first | at last | most |\n|---|---|---|---|")
	for i, q := range quantities {
		first, last := median(settled[:quarter], i), median(settled[len(settled)-quarter:], i)
		most := slices.MaxFunc(settled, func(a, b sample) int { return int(a[i] - b[i]) })[i]
		fmt.Fprintf(out, "| %s | %.0f | %.0f | %.0f |\n", q.name, first/q.unit, last/q.unit, most/q.unit)
		if last > first*(1+q.share)+q.more {
			grown = append(grown, q.name)
		}
	}
	if len(grown) > 0 {
		return errors.New("these have grown: " + strings.Join(grown, ", "))
	}
	return nil
}

func median(samples []sample, i int) float64 {
	values := make([]float64, len(samples))
	for n, s := range samples {
		values[n] = s[i]
	}
	slices.Sort(values)
	return values[len(values)/2]
}

const (
	windowLength = 5 * time.Minute
	// leastWindows is the minimum number of windows for comparing times: in a short run, a
	// moment of other load decides.
	leastWindows = 3
	mostSlowing  = 2 // allowed multiple of the first window's 99th percentile
)

// latencies has the times of requests by window.
type latencies struct {
	begun   time.Time
	mu      sync.Mutex
	windows [][]time.Duration
}

func newLatencies(duration time.Duration) *latencies {
	return &latencies{begun: time.Now(), windows: make([][]time.Duration, max(1, int(duration/windowLength)))}
}

// note adds a request. The last window includes the remainder of the duration.
func (l *latencies) note(due time.Time, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := min(int(due.Sub(l.begun)/windowLength), len(l.windows)-1)
	l.windows[i] = append(l.windows[i], took)
}

func (l *latencies) count() (n int) {
	for _, window := range l.windows {
		n += len(window)
	}
	return n
}

// report writes percentiles of each window. The error says that requests became slow.
func (l *latencies) report(out io.Writer) error {
	fmt.Fprintln(out, "\n| minutes | requests | median | 99th percentile |\n|---|---|---|---|")
	var first time.Duration
	var slow error
	for i, window := range l.windows {
		slices.Sort(window)
		p50, p99 := percentile(window, 50), percentile(window, 99)
		from := time.Duration(i) * windowLength
		fmt.Fprintf(out, "| from %.0f | %d | %.1f ms | %.1f ms |\n", from.Minutes(), len(window), milliseconds(p50), milliseconds(p99))
		if i == 0 {
			first = p99
		}
		if len(l.windows) >= leastWindows && p99 > mostSlowing*first {
			slow = fmt.Errorf("requests became slow: the 99th percentile is %s from minute %.0f, and was %s", p99, from.Minutes(), first)
		}
	}
	return slow
}

// percentile of sorted times; 0 of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
