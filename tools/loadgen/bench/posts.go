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
)

// perPost is how many analyses the front office of the measured posts sends at
// once, each with all five types, in full.
const perPost = 4

// postRounds is in how many turns each number of writers sends its posts: what
// else the machine does then meets all of them alike.
const postRounds = 4

// writerCounts are how many front offices post at the same time.
var writerCounts = []int{1, 4, 16}

// measurePosts measures how fast stats are taken, and then how fast the list of
// all of them leaves. The list gets a service that has done nothing else, whose
// memory is that of the list.
func (b *bench) measurePosts(ctx context.Context) error {
	database, err := b.database(ctx, "posts")
	if err != nil {
		return err
	}
	if err := b.measureTrials(ctx, database); err != nil {
		return err
	}
	return b.measureList(ctx, database)
}

// measureTrials posts with each number of writers.
func (b *bench) measureTrials(ctx context.Context, database string) (err error) {
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	table := b.report.table("Posts",
		fmt.Sprintf("For each number of writers %d requests of %d analyses with all five types, in full, in %d turns. Floors: the same stats as full rows, each with its "+
			"document, observations, seven indexes and a foreign key, as many in a transaction, inserted by SQL and nothing derived from them; by a client that "+
			"changes no setting, and with the documents compressed with lz4 as the service has them where the server can.", b.posts, perPost, postRounds),
		"writers", "posts/s", "stats/s", "MB/s", "peak memory", "bare SQL stats/s", "share of bare SQL", "bare SQL with lz4", "share of that")
	lz4, err := b.warmUp(ctx, s, database)
	if err != nil {
		return err
	}
	trials := make([]trial, len(writerCounts))
	for round := range postRounds {
		for i, writers := range writerCounts {
			if err := b.measureWriters(ctx, s, database, round, writers, lz4, &trials[i]); err != nil {
				return fmt.Errorf("%d writers: %w", writers, err)
			}
		}
	}
	for i, writers := range writerCounts {
		trials[i].report(writers, table)
	}
	b.report.goals.reach(writerShare, 100*trials[0].share())
	b.report.goals.reach(writersGain, trials[len(trials)-1].sent.StatsPerSecond()/trials[0].sent.StatsPerSecond())
	return nil
}

// trial is what a number of writers came to in all rounds.
type trial struct {
	sent      load.Result
	bare, lz4 floor
	peak      int64 // 0 where memory cannot be measured
}

// floor is what bare SQL did.
type floor struct {
	rows int // 0: it was not tried
	took time.Duration
}

func (f floor) perSecond() float64 { return float64(f.rows) / f.took.Seconds() }

func (f *floor) add(rows int, took time.Duration) {
	f.rows += rows
	f.took += took
}

// cells are the rate, and the share of it that another one is.
func (f floor) cells(rate float64) []string {
	if f.rows == 0 {
		return []string{none, none}
	}
	return []string{thousands(int64(f.perSecond())), percent(rate / f.perSecond())}
}

func (t *trial) share() float64 { return t.sent.StatsPerSecond() / t.bare.perSecond() }

// add takes in a round.
func (t *trial) add(sent load.Result, peak int64) {
	t.sent.Posts += sent.Posts
	t.sent.Stats += sent.Stats
	t.sent.Bytes += sent.Bytes
	t.sent.Elapsed += sent.Elapsed
	t.peak = max(t.peak, peak)
}

func (t *trial) report(writers int, table *section) {
	rate := t.sent.StatsPerSecond()
	row := []string{strconv.Itoa(writers), fmt.Sprintf("%.1f", t.sent.PostsPerSecond()), thousands(int64(rate)),
		fmt.Sprintf("%.1f", t.sent.BytesPerSecond()/1e6), memoryCell(t.peak)}
	table.row(slices.Concat(row, t.bare.cells(rate), t.lz4.cells(rate))...)
}

// postPlan returns so many posts spread over the clients, none of which another
// call with another seed returns.
func postPlan(seed uint64, clients, posts int) load.Plan {
	return load.Plan{
		Seed: seed, Clients: clients, Analyses: perPost, Days: posts / clients, Step: 1, Until: time.Now().UTC(),
	}
}

// warmUp lets both sides do once what they do only once: connect, plan, fill
// the dictionary of what is measured. lz4 tells whether there is a second floor.
func (b *bench) warmUp(ctx context.Context, s *instance, database string) (lz4 bool, err error) {
	if _, _, err := b.fill(ctx, s, postPlan(1_000, 1, 8), 2, true); err != nil {
		return false, err
	}
	err = b.query(ctx, database, func(conn *pgx.Conn) error {
		lz4, err = createFloors(ctx, conn)
		return err
	})
	return lz4, err
}

// measureWriters posts the share of a round, and inserts the same rows.
func (b *bench) measureWriters(ctx context.Context, s *instance, database string, round, writers int, lz4 bool, t *trial) error {
	memory := b.watchMemory(s)
	dataset, result, err := b.fill(ctx, s, postPlan(uint64(100*round+writers), writers, b.posts/postRounds), writers, true)
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
