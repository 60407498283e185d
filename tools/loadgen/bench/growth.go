// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	growthRounds = 30
	growthIgnore = 3 // first rounds, in which connections and plans are made
)

// growth compares one request to a small and to a large database. The requests alternate,
// so that other load on the machine affects both alike.
type growth struct {
	title        string
	small, large string // URLs of the databases
	ask          func(n int) request
	goal         goal
	judged       bool // the goal applies to these sizes
}

// clone copies a database, which must have no connections.
func (b *bench) clone(ctx context.Context, from, name string) (string, error) {
	err := b.query(ctx, b.db.URL(), func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("copy the database of %s: %w", from, err)
	}
	url := b.db.URLFor(name)
	return url, b.analyzed(ctx, url)
}

// measureGrowth runs a service on each database and compares their answers.
func (b *bench) measureGrowth(ctx context.Context, g growth) (err error) {
	small, err := b.serveOn(ctx, g.small)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, small.Stop()) }()
	large, err := b.serveOn(ctx, g.large)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, large.Stop()) }()
	smallTook, largeTook, err := alternate(ctx, small.URL, large.URL, growthRounds, g.ask)
	if err != nil {
		return err
	}
	multiple := largeTook.Seconds() / smallTook.Seconds()
	b.report.table("Growth: "+g.title, "Two services at once, one on each database, with alternating requests; medians of cold answers.",
		"small", "large", "multiple").row(ms(smallTook), ms(largeTook), fmt.Sprintf("%.2f", multiple))
	if g.judged {
		b.report.goals.reach(g.goal, multiple)
	}
	return nil
}

// alternate sends the same requests to two services in turn and returns the median of
// each.
func alternate(ctx context.Context, first, second string, rounds int, ask func(n int) request) (time.Duration, time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var callers [2]*caller
	for i, base := range []string{first, second} {
		var err error
		if callers[i], err = dial(ctx, base); err != nil {
			return 0, 0, err
		}
	}
	var took [2][]time.Duration
	for round := range growthIgnore + rounds {
		raw := ask(round).raw()
		for i, c := range callers {
			started := time.Now()
			got, err := c.ask(raw, io.Discard)
			if err != nil {
				return 0, 0, err
			}
			if got.status != http.StatusOK {
				return 0, 0, fmt.Errorf("answered with status %d", got.status)
			}
			if round >= growthIgnore {
				took[i] = append(took[i], time.Since(started))
			}
		}
	}
	return median(took[0]), median(took[1]), nil
}
