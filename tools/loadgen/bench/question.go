// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	asked         = 50 // analyses that the front office's user sees
	stored        = 60 // analyses to choose them from, so that no two requests are equal
	questionDays  = 90
	questionItems = 60 // vulnerabilities in each requested stat
	otherItems    = 3  // vulnerabilities in each stat of other analyses

	coldQuestions  = 40
	coldLimit      = 20 * time.Second
	warmCallers    = 8
	fillWriters    = 16
	otherPerClient = 50
)

// measureQuestion measures the request of a front office's dashboard, in databases with
// few and with many other analyses.
func (b *bench) measureQuestion(ctx context.Context) error {
	database, err := b.database(ctx, "question")
	if err != nil {
		return err
	}
	dataset, err := load.New(questionPlan(usual))
	if err != nil {
		return err
	}
	analyses := dataset.Analyses(0)
	table := b.report.table("The front office's request",
		fmt.Sprintf("`vulnerability_average_on_date` of %d analyses over %d days: %s stats of %d objects. Cold: each request names "+
			"%d others of %d analyses, so that none is in a cache. Warm: the same request again, over %d connections. "+
			"Baseline: as many bytes from a plain handler, one after the other. The stats of the other analyses have %d objects each.",
			asked, questionDays, thousands(asked*questionDays), questionItems, asked, stored, warmCallers, otherItems),
		"other analyses", "cold, median", "cold, slowest", "warm, gzip", "warm, 304", "answer", "baseline")
	small, there := "", 0
	for _, others := range b.others {
		if err := b.beside(ctx, database, analyses, there, others, table); err != nil {
			return fmt.Errorf("beside %d analyses: %w", others, err)
		}
		if there = others; small == "" {
			if small, err = b.clone(ctx, "question", "question_small"); err != nil {
				return err
			}
		}
	}
	if err := b.questionByChange(ctx); err != nil {
		return err
	}
	draw := rand.New(rand.NewPCG(2, 2))
	return b.measureGrowth(ctx, growth{
		title: fmt.Sprintf("the front office's request beside %s and beside %s other analyses", thousands(int64(b.others[0])), thousands(int64(there))),
		small: small, large: database, goal: questionGrowth, judged: there == 100*b.others[0],
		ask: func(int) request { return dashboardRequest(choose(draw, analyses, asked), time.Now().UTC()) },
	})
}

// beside adds other analyses up to a number, and then measures.
func (b *bench) beside(ctx context.Context, database string, analyses []uuid.UUID, there, others int, table *section) (err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if there == 0 {
		if _, _, err := b.fill(ctx, s, questionPlan(usual), fillWriters, false); err != nil {
			return err
		}
	}
	if err := b.addOthers(ctx, s, there, others); err != nil {
		return err
	}
	if err := b.analyzed(ctx, database); err != nil {
		return err
	}
	return b.ask(ctx, s, analyses, others, table)
}

// questionByChange measures the request for different shares of changed contents.
func (b *bench) questionByChange(ctx context.Context) error {
	table := b.report.table("The same request by share of changes",
		"Cold, without other analyses, by the share of contents that differ from those of the day before.", "changed", "cold, median", "cold, slowest")
	for _, changed := range changedShares {
		cold, err := b.coldQuestion(ctx, changed)
		if err != nil {
			return fmt.Errorf("%d %% changed: %w", changed, err)
		}
		table.row(fmt.Sprintf("%d %%", changed), ms(cold.median), ms(cold.slowest))
	}
	return nil
}

func (b *bench) coldQuestion(ctx context.Context, changed int) (cold timing, err error) {
	database, err := b.database(ctx, fmt.Sprintf("question_%d", changed))
	if err != nil {
		return cold, err
	}
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return cold, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	dataset, _, err := b.fill(ctx, s, questionPlan(changed), fillWriters, false)
	if err != nil {
		return cold, err
	}
	if err := b.analyzed(ctx, database); err != nil {
		return cold, err
	}
	analyses, draw := dataset.Analyses(0), rand.New(rand.NewPCG(3, uint64(changed)))
	next := func(int) request { return dashboardRequest(choose(draw, analyses, asked), time.Now().UTC()) }
	if _, err := times(ctx, s.URL, 1, coldLimit, next); err != nil { // connects and plans
		return cold, err
	}
	return times(ctx, s.URL, coldQuestions, coldLimit, next)
}

func questionPlan(changed int) load.Plan {
	return load.Plan{
		Seed: 1, Clients: 1, Analyses: stored, Days: questionDays, Step: 1, Until: time.Now().UTC(),
		Types: []stats.Type{stats.Vulnerability}, Thin: true, Objects: questionItems, PerPost: 20, Changed: changed,
	}
}

// addOthers stores stats of other analyses on the same days, up to a number.
func (b *bench) addOthers(ctx context.Context, s *service.Process, there, others int) error {
	_, _, err := b.fill(ctx, s, load.Plan{
		Seed: 2, First: there / otherPerClient, Clients: (others - there) / otherPerClient, Analyses: otherPerClient,
		Days: questionDays, Step: 1, Until: time.Now().UTC(),
		Types: []stats.Type{stats.Vulnerability}, Thin: true, Objects: otherItems, Distinct: 20, Changed: usual,
	}, fillWriters, false)
	return err
}

// ask measures the request and adds a row.
func (b *bench) ask(ctx context.Context, s *service.Process, analyses []uuid.UUID, others int, table *section) error {
	today := time.Now().UTC()
	draw := rand.New(rand.NewPCG(1, uint64(others)))
	next := func(int) request { return dashboardRequest(choose(draw, analyses, asked), today) }
	if _, err := times(ctx, s.URL, 1, coldLimit, next); err != nil { // connects and plans
		return err
	}
	cold, err := times(ctx, s.URL, coldQuestions, coldLimit, next)
	if err != nil {
		return err
	}
	warm, err := b.measureWarm(ctx, s, dashboardRequest(analyses[:asked], today))
	if err != nil {
		return err
	}
	baseline, err := plainTime(ctx, fixed(cold.last.bytes), b.spell, request{path: "/"})
	if err != nil {
		return err
	}
	table.row(thousands(int64(others)), ms(cold.median), ms(cold.slowest), warm.compressedCell(), warm.unchangedCell(),
		kilobytesOf(cold.last.bytes), ms(baseline))
	if others == asked {
		b.report.goals.reach(questionCold, cold.median.Seconds()*1000)
	}
	return nil
}

// choose returns n of ids at random.
func choose(draw *rand.Rand, ids []uuid.UUID, n int) []uuid.UUID {
	chosen := make([]uuid.UUID, n)
	for i, index := range draw.Perm(len(ids))[:n] {
		chosen[i] = ids[index]
	}
	return chosen
}

// dashboardRequest returns the request of a front office.
func dashboardRequest(analyses []uuid.UUID, today time.Time) request {
	body, err := json.Marshal(map[string]any{
		"processor":        "vulnerability_average_on_date",
		"processor_params": nil,
		"type":             stats.Vulnerability,
		"date_from":        today.AddDate(0, 0, 1-questionDays).Format(time.DateOnly),
		"date_to":          today.Format(time.DateOnly),
		"anrs":             analyses,
	})
	if err != nil {
		panic(err) // strings and ids always marshal
	}
	return request{path: "/api/v1/stats/processed/", key: adminToken, body: string(body)}
}
