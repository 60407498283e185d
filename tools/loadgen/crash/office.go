// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
)

const (
	offices = 8 // front offices that post at the same time
	// hangLimit bounds one post or deletion with all its retries, and the time until a
	// post is acknowledged after a fault. Anything longer is a hang.
	hangLimit = 2 * time.Minute
	// mostPause bounds the pause before a retry. The service at times asks for five
	// seconds; retrying sooner is harder for it.
	mostPause = 300 * time.Millisecond
	mostThink = 60 * time.Millisecond // between two requests
	// mostLive is how many stats an office keeps before it deletes whole analyses.
	mostLive    = 900
	mostInBatch = 4
	largeBatch  = 100 // stats in an occasional batch, whose transaction takes a while
	daysOfOne   = 40  // days that an analysis is posted for, before the next one begins
	// objectsInUse is the number of threats, and of vulnerabilities, to choose from.
	objectsInUse = 40
)

// office is a front office: it posts and deletes until it is stopped, retries what is not
// acknowledged, and records what is.
type office struct {
	client *client.Client
	once   *client.Client // does not repeat
	random *rand.Rand
	ledger *ledger

	anr  uuid.UUID // current analysis
	left []key     // keys of that analysis that are not posted yet

	mu      sync.Mutex
	answers map[int]int // number of answers, by status, that no outage excuses
}

// newOffice registers a front office. Equal seeds give the same stats in the same
// order, with other UUIDs.
func newOffice(ctx context.Context, server, admin string, seed uint64, n int) (*office, error) {
	boss, err := client.New(server, admin)
	if err != nil {
		return nil, err
	}
	defer boss.Close()
	account, err := boss.CreateAccount(ctx, fmt.Sprintf("office %d", n), "token-of-office-"+uuid.NewString())
	if err != nil {
		return nil, err
	}
	o := &office{random: rand.New(rand.NewPCG(seed, 100+uint64(n))), ledger: newLedger(), answers: map[int]int{}}
	transport := client.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}})
	o.client, err = client.New(server, account.Token, transport, client.WithRetry(client.Retry{
		Attempts: int(hangLimit/mostPause) * 10, MinDelay: 20 * time.Millisecond, MaxDelay: mostPause, Sleep: pauseAtMost, Notify: o.note,
	}))
	if err != nil {
		return nil, err
	}
	o.once, err = client.New(server, account.Token, transport, client.WithRetry(client.Retry{Attempts: 1}))
	return o, err
}

func pauseAtMost(ctx context.Context, d time.Duration) error { return pause(ctx, min(d, mostPause)) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// note counts answers that no outage excuses.
func (o *office) note(failed *client.Error, _ int, _ time.Duration) {
	switch failed.Status {
	case 0, http.StatusServiceUnavailable:
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers[failed.Status]++
}

// wrongAnswers returns the answers that note counted since the last call.
func (o *office) wrongAnswers() map[int]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	answers := o.answers
	o.answers = map[int]int{}
	return answers
}

// step sends one request. The error says that the service wrongly refused it, or hangs.
func (o *office) step(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, hangLimit)
	defer cancel()
	var err error
	switch n := o.random.IntN(100); {
	case n < 75 && len(o.ledger.live) < mostLive || len(o.ledger.live) == 0:
		err = o.post(limited, o.client, o.batch())
	case n < 85 && len(o.ledger.live) < mostLive:
		err = o.deleteOne(limited)
	case n < 90 && len(o.ledger.live) < mostLive:
		err = o.repost(limited)
	default:
		err = o.deleteAnalysis(limited)
	}
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return fmt.Errorf("no success within %s: %w", hangLimit, err)
	}
	return err
}

// probe posts one stat once.
func (o *office) probe(ctx context.Context) error {
	return o.post(ctx, o.once, []client.Stat{o.next()})
}

func (o *office) post(ctx context.Context, c *client.Client, stats []client.Stat) error {
	o.ledger.post(stats)
	answer, err := c.Post(ctx, stats...)
	if err != nil {
		return err
	}
	return o.ledger.acknowledge(stats, answer)
}

func (o *office) batch() []client.Stat {
	n := 1 + o.random.IntN(mostInBatch)
	if o.random.IntN(50) == 0 {
		n = largeBatch
	}
	stats := make([]client.Stat, n)
	for i := range stats {
		stats[i] = o.next()
	}
	return stats
}

// repost sends a stored stat again.
func (o *office) repost(ctx context.Context) error {
	return o.post(ctx, o.client, []client.Stat{o.any().stat})
}

// any returns a random stored stat.
func (o *office) any() *posted {
	return o.ledger.entries[o.ledger.live[o.random.IntN(len(o.ledger.live))]]
}

func (o *office) deleteOne(ctx context.Context) error {
	stat := o.any().stat
	return o.delete([]key{keyOf(stat)}, func() error { return o.client.Delete(ctx, stat.ANR, stat.UUID) })
}

func (o *office) deleteAnalysis(ctx context.Context) error {
	anr := o.any().stat.ANR
	if anr == o.anr {
		o.left = nil // begin another analysis
	}
	return o.delete(o.ledger.ofAnalysis(anr), func() error { return o.client.Delete(ctx, anr) })
}

func (o *office) delete(keys []key, do func() error) error {
	o.ledger.change(keys, deleting)
	if err := do(); err != nil {
		return err
	}
	o.ledger.change(keys, deleted)
	return nil
}

// next returns a stat that was not posted before. Half of them have a UUID, like those
// that another instance pushes, and some repeat the data of others.
func (o *office) next() client.Stat {
	if len(o.left) == 0 {
		o.begin()
	}
	k := o.left[0]
	o.left = o.left[1:]
	day, _ := time.Parse(time.DateOnly, k.day)
	stat, err := client.NewStat(k.anr, client.Day(day), o.draw(k.kind))
	if err != nil {
		panic(err) // numbers and short texts can be encoded
	}
	if o.random.IntN(2) == 0 {
		stat.UUID = uuid.New()
	}
	return stat
}

// begin starts another analysis.
func (o *office) begin() {
	o.anr = uuid.New()
	last := time.Now().UTC()
	for day := range daysOfOne {
		for _, kind := range []client.Type{client.TypeThreat, client.TypeVulnerability, client.TypeRisk} {
			o.left = append(o.left, key{o.anr, kind, last.AddDate(0, 0, -day).Format(time.DateOnly)})
		}
	}
}

func (o *office) draw(kind client.Type) client.Data {
	if kind == client.TypeRisk {
		return o.risk()
	}
	objects := make([]data.Object, 1+o.random.IntN(8))
	for i, n := range o.random.Perm(objectsInUse)[:len(objects)] {
		objects[i] = data.Object{
			UUID:   uuid.NewSHA1(uuid.NameSpaceOID, []byte(string(kind)+strconv.Itoa(n))).String(),
			Labels: data.Labels{English: fmt.Sprintf("%s %d", kind, n)},
			Count:  number(o.random, 9), MaxRisk: number(o.random, 30), AverageRate: number(o.random, 5),
		}
	}
	if kind == client.TypeThreat {
		return data.Threats(objects)
	}
	return data.Vulnerabilities(objects)
}

func (o *office) risk() data.Risk {
	levels := func() data.Map[[]data.LevelCount] {
		counts := make([]data.LevelCount, 0, 3)
		for _, level := range []string{data.LowRisks, data.MediumRisks, data.HighRisks} {
			counts = append(counts, data.LevelCount{Level: level, Value: number(o.random, 100)})
		}
		return data.Map[[]data.LevelCount]{data.Informational: counts}
	}
	total := data.Map[data.Number]{data.Informational: number(o.random, 300)}
	return data.Risk{
		Total: data.Map[data.Map[data.Number]]{data.Current: total, data.Residual: total},
		Risks: data.Map[data.Map[[]data.LevelCount]]{data.Current: levels(), data.Residual: levels()},
	}
}

func number(random *rand.Rand, most int) data.Number { return data.Number(1 + random.IntN(most)) }

// crowd is the offices at work.
type crowd struct {
	all   []*office
	pause sync.RWMutex // each step holds it shared

	mu      sync.Mutex
	refused []string // errors of wrongly refused requests
	group   sync.WaitGroup
	stop    context.CancelFunc
}

func newCrowd(ctx context.Context, server, admin string, seed uint64) (*crowd, error) {
	c := &crowd{}
	for n := range offices + 1 { // the last one is the prober
		o, err := newOffice(ctx, server, admin, seed, n)
		if err != nil {
			return nil, fmt.Errorf("register front office %d: %w", n, err)
		}
		c.all = append(c.all, o)
	}
	return c, nil
}

func (c *crowd) prober() *office { return c.all[offices] }

// start lets the offices work until end is called.
func (c *crowd) start(ctx context.Context) {
	ctx, c.stop = context.WithCancel(ctx)
	for _, o := range c.all[:offices] {
		c.group.Go(func() {
			for ctx.Err() == nil {
				c.pause.RLock()
				err := o.step(ctx)
				c.pause.RUnlock()
				if err != nil && ctx.Err() == nil {
					c.refuse(err)
				}
				_ = pause(ctx, time.Duration(o.random.Int64N(int64(mostThink))))
			}
		})
	}
}

// end stops the offices after their current requests.
func (c *crowd) end() {
	c.pause.Lock()
	c.stop()
	c.pause.Unlock()
	c.group.Wait()
}

func (c *crowd) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = append(c.refused, err.Error())
}

// complaints returns the errors of wrongly refused requests since the last call.
func (c *crowd) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.refused
	c.refused = nil
	for _, o := range c.all {
		for status, n := range o.wrongAnswers() {
			all = append(all, fmt.Sprintf("%d answers %d", n, status))
		}
	}
	return all
}

// acknowledged returns the numbers of acknowledged posts and deletions of stats since the
// last call.
func (c *crowd) acknowledged() (posts, deletions int) {
	for _, o := range c.all {
		posts, deletions = posts+o.ledger.posts, deletions+o.ledger.deletions
		o.ledger.posts, o.ledger.deletions = 0, 0
	}
	return posts, deletions
}

// recovery probes until a post is acknowledged and returns how long after since that is.
func (c *crowd) recovery(ctx context.Context, since time.Time) (time.Duration, error) {
	limited, cancel := context.WithTimeout(ctx, hangLimit)
	defer cancel()
	for {
		err := c.prober().probe(limited)
		if err == nil {
			return time.Since(since), nil
		}
		if limited.Err() != nil {
			return 0, fmt.Errorf("no post was acknowledged in %s after the fault: %w", hangLimit, err)
		}
		var failed *client.Error
		if err != nil && !(errors.As(err, &failed) && failed.Temporary()) {
			c.refuse(err)
		}
		if err := pause(limited, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
}
