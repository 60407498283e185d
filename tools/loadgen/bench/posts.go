// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

// perPost is the number of analyses in each measured post, each with all five types, in
// full.
const perPost = 4

// postRounds is the number of rounds in which each number of writers sends its posts.
// They alternate, so that other load on the machine affects all alike.
const postRounds = 4

// writerCounts are the numbers of front offices that post at the same time.
var writerCounts = []int{1, 4, 16}

// usual is on how many of 100 days an analysis changes in practice; 0 and 100 are the best
// and the worst case.
const usual = 10

var changedShares = []int{0, usual, 100}

// measurePosts measures how fast stats are stored, how much disk space they take, and how
// fast the list of all of them is sent. The list gets a new service, so that only the list
// uses its memory.
func (b *bench) measurePosts(ctx context.Context) error {
	table := b.report.table("Posts",
		fmt.Sprintf("For each number of writers, %d requests of %d analyses with all five types, in full, in %d rounds, at each share of contents that differ from those of the "+
			"day before (the first day is posted before the clock starts). Baselines: the same stats as full rows, each with its "+
			"document, observations, seven indexes and a foreign key, as many in a transaction, inserted by SQL and with nothing derived from them; with "+
			"default settings, and with documents compressed with lz4, as the service does where the server can.", b.posts, perPost, postRounds),
		"changed", "writers", "posts/s", "stats/s", "MB/s", "peak memory", "bare SQL stats/s", "multiple of bare SQL", "bare SQL with lz4", "multiple of that")
	database := ""
	for _, changed := range changedShares {
		var err error
		if database, err = b.database(ctx, fmt.Sprintf("posts_%d", changed)); err != nil {
			return err
		}
		if err := b.measureTrials(ctx, database, changed, table); err != nil {
			return fmt.Errorf("%d %% changed: %w", changed, err)
		}
	}
	if err := b.measureRoom(ctx); err != nil {
		return err
	}
	return b.measureList(ctx, database)
}

// measureTrials posts with each number of writers.
func (b *bench) measureTrials(ctx context.Context, database string, changed int, table *section) (err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	lz4, err := b.warmUp(ctx, s, database)
	if err != nil {
		return err
	}
	trials := make([]trial, len(writerCounts))
	for round := range postRounds {
		for i, writers := range writerCounts {
			plan := postPlan(uint64(100*round+writers), writers, b.posts/postRounds, changed)
			if err := b.measureWriters(ctx, s, database, plan, lz4, &trials[i]); err != nil {
				return fmt.Errorf("%d writers: %w", writers, err)
			}
		}
	}
	for i, writers := range writerCounts {
		trials[i].report(changed, writers, table)
	}
	switch changed {
	case usual:
		b.report.goals.reach(writerShare, trials[0].multiple())
		b.report.goals.reach(writersGain, trials[len(trials)-1].sent.StatsPerSecond()/trials[0].sent.StatsPerSecond())
	case 100:
		b.report.goals.reach(writerShareNew, trials[0].multiple())
	}
	return nil
}

// trial is the result of a number of writers in all rounds.
type trial struct {
	sent      load.Result
	bare, lz4 baseline
	peak      int64 // 0 where memory cannot be measured
}

// baseline is the result of bare SQL.
type baseline struct {
	rows int // 0: not measured
	took time.Duration
}

func (f baseline) perSecond() float64 { return float64(f.rows) / f.took.Seconds() }

func (f *baseline) add(rows int, took time.Duration) {
	f.rows += rows
	f.took += took
}

// cells returns its rate, and another rate as a multiple of it.
func (f baseline) cells(rate float64) []string {
	if f.rows == 0 {
		return []string{none, none}
	}
	return []string{thousands(int64(f.perSecond())), fmt.Sprintf("%.2f", rate/f.perSecond())}
}

func (t *trial) multiple() float64 { return t.sent.StatsPerSecond() / t.bare.perSecond() }

// add adds the result of a round.
func (t *trial) add(sent load.Result, peak int64) {
	t.sent.Posts += sent.Posts
	t.sent.Stats += sent.Stats
	t.sent.Bytes += sent.Bytes
	t.sent.Elapsed += sent.Elapsed
	t.peak = max(t.peak, peak)
}

func (t *trial) report(changed, writers int, table *section) {
	rate := t.sent.StatsPerSecond()
	row := []string{fmt.Sprintf("%d %%", changed), strconv.Itoa(writers), fmt.Sprintf("%.1f", t.sent.PostsPerSecond()), thousands(int64(rate)),
		fmt.Sprintf("%.1f", t.sent.BytesPerSecond()/1e6), memoryCell(t.peak)}
	table.row(slices.Concat(row, t.bare.cells(rate), t.lz4.cells(rate))...)
}

// postPlan returns a plan of this many posts, spread over the clients, with one more day
// before them. Plans with different seeds have no analyses in common.
func postPlan(seed uint64, clients, posts, changed int) load.Plan {
	return load.Plan{
		Seed: seed, Clients: clients, Analyses: perPost, Days: 1 + posts/clients, Step: 1, Until: time.Now().UTC(), Changed: changed,
	}
}

// warmUp makes both sides do their one-time work: connect, plan, and fill the dictionary
// of subjects. lz4 reports whether there is a second baseline.
func (b *bench) warmUp(ctx context.Context, s *service.Process, database string) (lz4 bool, err error) {
	if _, _, err := b.fill(ctx, s, postPlan(1_000, 1, 8, 100), 2, true); err != nil {
		return false, err
	}
	err = b.query(ctx, database, func(conn *pgx.Conn) error {
		lz4, err = createBaselines(ctx, conn)
		return err
	})
	return lz4, err
}

// measureWriters posts the share of a round, and inserts the same rows by SQL. It does not
// measure the first day, whose contents are all new.
func (b *bench) measureWriters(ctx context.Context, s *service.Process, database string, plan load.Plan, lz4 bool, t *trial) error {
	dataset, err := load.New(plan)
	if err != nil {
		return err
	}
	writers := plan.Clients
	if _, err := b.post(ctx, s, dataset.Part(1, false), writers, true); err != nil {
		return err
	}
	dataset = dataset.Part(1, true)
	memory := b.watchMemory(s)
	result, err := b.post(ctx, s, dataset, writers, true)
	if err != nil {
		return err
	}
	t.add(result, memory.peak())
	batches, err := b.storedBatches(ctx, database, dataset)
	if err != nil {
		return err
	}
	took, err := insertBare(ctx, database, plainTable, batches, writers)
	if err != nil {
		return fmt.Errorf("insert by bare SQL: %w", err)
	}
	t.bare.add(result.Stats, took)
	if !lz4 {
		return nil
	}
	if took, err = insertBare(ctx, database, lz4Table, batches, writers); err != nil {
		return fmt.Errorf("insert by bare SQL with lz4: %w", err)
	}
	t.lz4.add(result.Stats, took)
	return nil
}

// roomPlan returns the plan of the stats whose disk space is measured.
func roomPlan(changed int) load.Plan {
	return load.Plan{Seed: 7, Clients: 2, Analyses: 10, Days: 90, Step: 1, Until: time.Now().UTC(), PerPost: 5, Changed: changed}
}

// measureRoom measures the bytes that a stat takes on the disk, both with the first day,
// whose contents are all new, and without it, like the posts.
func (b *bench) measureRoom(ctx context.Context) error {
	table := b.report.table("Disk space", fmt.Sprintf("Bytes on the disk per stat, of 20 analyses in full, with indexes and documents, after VACUUM: "+
		"what 89 days add to a first day, which is all new, and all 90 days together. "+
		"Baseline: the 89 days as full rows with their seven indexes, and lz4 where the server can."),
		"changed", "stats", "bytes per stat", "with the first day", "as full rows")
	for _, changed := range changedShares {
		if err := b.measureRoomOf(ctx, changed, table); err != nil {
			return fmt.Errorf("room at %d %% changed: %w", changed, err)
		}
	}
	return nil
}

func (b *bench) measureRoomOf(ctx context.Context, changed int, table *section) (err error) {
	database, err := b.database(ctx, fmt.Sprintf("room_%d", changed))
	if err != nil {
		return err
	}
	dataset, err := load.New(roomPlan(changed))
	if err != nil {
		return err
	}
	first, err := b.fillRoom(ctx, database, dataset.Part(1, false))
	if err != nil {
		return err
	}
	later, err := b.fillRoom(ctx, database, dataset.Part(1, true))
	if err != nil {
		return err
	}
	baselineTable, err := b.fullRows(ctx, database, dataset.Part(1, true))
	if err != nil {
		return err
	}
	full, err := b.sizeOf(ctx, database, baselineTable)
	if err != nil {
		return err
	}
	each := float64(later.size-first.size) / float64(later.stats)
	table.row(fmt.Sprintf("%d %%", changed), thousands(int64(later.stats)), thousands(int64(each)),
		thousands(later.size/int64(first.stats+later.stats)), thousands(full/int64(later.stats)))
	if changed == usual {
		b.report.goals.reach(roomUsual, each)
	}
	return nil
}

// room is the disk space of all stats so far.
type room struct {
	stats int
	size  int64 // bytes
}

// fillRoom posts a dataset to a service that runs for it.
func (b *bench) fillRoom(ctx context.Context, database string, dataset *load.Dataset) (r room, err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return r, err
	}
	result, err := b.post(ctx, s, dataset, 2, false)
	if err = errors.Join(err, s.Stop()); err != nil {
		return r, err
	}
	size, err := b.sizeOf(ctx, database, "stats", "document")
	return room{result.Stats, size}, err
}

// sizeOf returns the bytes of tables with their indexes, after VACUUM.
func (b *bench) sizeOf(ctx context.Context, database string, tables ...string) (size int64, err error) {
	if err := b.analyzed(ctx, database); err != nil {
		return 0, err
	}
	err = b.query(ctx, database, func(conn *pgx.Conn) error {
		const sizes = `SELECT sum(pg_total_relation_size(name::regclass))::bigint FROM unnest($1::text[]) AS name`
		return conn.QueryRow(ctx, sizes, tables).Scan(&size)
	})
	return size, err
}

// fullRows inserts the stats of a dataset as full rows, and returns the table.
func (b *bench) fullRows(ctx context.Context, database string, dataset *load.Dataset) (table string, err error) {
	err = b.query(ctx, database, func(conn *pgx.Conn) error {
		lz4, err := createBaselines(ctx, conn)
		if table = plainTable; lz4 {
			table = lz4Table
		}
		return err
	})
	if err != nil {
		return "", err
	}
	batches, err := b.storedBatches(ctx, database, dataset)
	if err != nil {
		return "", err
	}
	_, err = insertBare(ctx, database, table, batches, 2)
	return table, err
}
