package main

import (
	"context"
	"errors"
	"fmt"
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
// all of them leaves.
func (b *bench) measurePosts(ctx context.Context) (err error) {
	database, err := b.database(ctx, "posts")
	if err != nil {
		return err
	}
	s, err := b.serveOn(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	table := b.report.table("Posts",
		fmt.Sprintf("For each number of writers %d requests of %d analyses with all five types, in full, in %d turns. Floor: the same rows, with the same columns and "+
			"indexes and the same number of rows in a transaction, inserted by SQL and nothing derived from them.", b.posts, perPost, postRounds),
		"writers", "posts/s", "stats/s", "MB/s", "peak memory", "bare SQL stats/s", "share of bare SQL")
	if err := b.warmUp(ctx, s, database); err != nil {
		return err
	}
	trials := make([]trial, len(writerCounts))
	for round := range postRounds {
		for i, writers := range writerCounts {
			if err := b.measureWriters(ctx, s, database, round, writers, &trials[i]); err != nil {
				return fmt.Errorf("%d writers: %w", writers, err)
			}
		}
	}
	for i, writers := range writerCounts {
		trials[i].report(writers, table)
	}
	b.report.goals.reach(writerShare, 100*trials[0].share())
	b.report.goals.reach(writersGain, trials[len(trials)-1].sent.StatsPerSecond()/trials[0].sent.StatsPerSecond())
	return b.measureList(ctx, s, database)
}

// trial is what a number of writers came to in all rounds.
type trial struct {
	sent     load.Result
	bareRows int
	bareTook time.Duration
	peak     int64 // 0 where memory cannot be measured
}

func (t *trial) bare() float64  { return float64(t.bareRows) / t.bareTook.Seconds() }
func (t *trial) share() float64 { return t.sent.StatsPerSecond() / t.bare() }

// add takes in a round.
func (t *trial) add(sent load.Result, bareTook time.Duration, peak int64) {
	t.sent.Posts += sent.Posts
	t.sent.Stats += sent.Stats
	t.sent.Bytes += sent.Bytes
	t.sent.Elapsed += sent.Elapsed
	t.bareRows += sent.Stats
	t.bareTook += bareTook
	t.peak = max(t.peak, peak)
}

func (t *trial) report(writers int, table *section) {
	table.row(strconv.Itoa(writers), fmt.Sprintf("%.1f", t.sent.PostsPerSecond()), thousands(int64(t.sent.StatsPerSecond())),
		fmt.Sprintf("%.1f", t.sent.BytesPerSecond()/1e6), memoryCell(t.peak), thousands(int64(t.bare())), percent(t.share()))
}

// postPlan returns so many posts spread over the clients, none of which another
// call with another seed returns.
func postPlan(seed uint64, clients, posts int) load.Plan {
	return load.Plan{
		Seed: seed, Clients: clients, Analyses: perPost, Days: posts / clients, Step: 1, Until: time.Now().UTC(),
	}
}

// warmUp lets both sides do once what they do only once: connect, plan, fill
// the dictionary of what is measured.
func (b *bench) warmUp(ctx context.Context, s *instance, database string) error {
	_, _, err := b.fill(ctx, s, postPlan(1_000, 1, 8), 2, true)
	if err != nil {
		return err
	}
	return b.query(ctx, database, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE TABLE bare (LIKE stats INCLUDING INDEXES)")
		return err
	})
}

// measureWriters posts the share of a round, and inserts the same rows.
func (b *bench) measureWriters(ctx context.Context, s *instance, database string, round, writers int, t *trial) error {
	memory := b.watchMemory(s)
	dataset, result, err := b.fill(ctx, s, postPlan(uint64(100*round+writers), writers, b.posts/postRounds), writers, true)
	if err != nil {
		return err
	}
	peak := memory.peak()
	took, err := insertBare(ctx, database, dataset, writers)
	if err != nil {
		return fmt.Errorf("insert by bare SQL: %w", err)
	}
	t.add(result, took, peak)
	return nil
}
