// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	weeks      = 52
	smallest   = weeks * ofClient // rows per type of one client
	ofClient   = 20               // analyses
	coldRounds = 15

	answerItems = 60 // threats or vulnerabilities in a stat, at most
	drawn       = 20 // analyses with data of their own; the others repeat it
)

// benchmark is an answer that is computed over all clients. Requests with different
// numbers have the same answer, but are not in any cache.
type benchmark struct {
	name   string
	number func(n int) request
}

// benchmarks lists each public and each processed answer, and the first page.
func benchmarks(today time.Time) []benchmark {
	all := []benchmark{{goalPage, pageRequest}}
	for _, page := range []string{"threats", "vulnerabilities", "risks"} {
		all = append(all, benchmark{"`/stats/" + page + ".json`", func(n int) request { return publicRequest(page, n) }})
	}
	for _, p := range processor.All() {
		all = append(all, benchmark{"`" + p.Name + "`", func(n int) request { return processedRequest(p.Name, today, n) }})
	}
	return all
}

// publicRequest covers the whole year and n days before it, which are empty.
func publicRequest(page string, n int) request {
	return request{path: fmt.Sprintf("/stats/%s.json?days=%d", page, weeks*7+1+n)}
}

// pageRequest covers 90 days, as the page does by default, and n days before them.
func pageRequest(n int) request { return request{path: fmt.Sprintf("/stats?days=%d", 90+n)} }

// processedRequest covers the period of publicRequest with a processor.
func processedRequest(name string, today time.Time, n int) request {
	body, err := json.Marshal(map[string]string{
		"processor": name,
		"date_from": today.AddDate(0, 0, -weeks*7-1-n).Format(time.DateOnly),
		"date_to":   today.Format(time.DateOnly),
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return request{path: "/api/v1/stats/processed/", key: adminToken, body: string(body)}
}

// measureAnswers measures every answer that is computed over all clients, in
// a database that grows.
func (b *bench) measureAnswers(ctx context.Context) error {
	database, err := b.database(ctx, "answers")
	if err != nil {
		return err
	}
	table := b.report.table("Answers over all clients",
		fmt.Sprintf("A year of weeks; %d analyses are 1,040 rows per type. All five types, thin: up to %d threats or vulnerabilities in a "+
			"stat, labels in one analysis only, compliance without controls; the data of %d analyses repeated. Stored over the API by %d writers. "+
			"Cold: a request that is in no cache, over a range that starts before the first stat. Warm: the same request again, over %d connections. "+
			"Baselines: as many bytes, and a 304, from a plain handler.", ofClient, answerItems, drawn, fillWriters, warmCallers),
		"rows per type", "answer", "cold, median", "cold, slowest", "warm, gzip", "baseline", "warm, 304", "baseline", "size")
	small, there := "", 0
	for _, rows := range b.sizes {
		if err := b.atSize(ctx, database, there, rows, table); err != nil {
			return fmt.Errorf("%s rows per type: %w", thousands(int64(rows)), err)
		}
		if there = rows; small == "" {
			if small, err = b.clone(ctx, "answers", "answers_small"); err != nil {
				return err
			}
		}
	}
	return b.measureGrowth(ctx, growth{
		title: fmt.Sprintf("%s at %s and at %s rows per type", goalAnswer, thousands(int64(b.sizes[0])), thousands(int64(there))),
		small: small, large: database, goal: publicGrowth, judged: b.sizes[0] == goalSmall && there == goalLarge,
		ask: func(n int) request { return publicRequest("vulnerabilities", n) },
	})
}

// atSize fills the database up to a size and measures there.
func (b *bench) atSize(ctx context.Context, database string, there, rows int, table *section) (err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := b.grow(ctx, s, there/smallest, rows/smallest); err != nil {
		return err
	}
	if err := b.analyzed(ctx, database); err != nil {
		return err
	}
	return b.measureSize(ctx, s, rows, table)
}

// grow stores a year of stats of the clients from the index first up to last.
func (b *bench) grow(ctx context.Context, s *service.Process, first, last int) error {
	if first == last {
		return nil
	}
	_, _, err := b.fill(ctx, s, load.Plan{
		First: first, Clients: last - first, Analyses: ofClient, Days: weeks * 7, Step: 7, Until: time.Now().UTC(),
		Thin: true, Objects: answerItems, Distinct: drawn, Changed: usual,
	}, fillWriters, false)
	return err
}
