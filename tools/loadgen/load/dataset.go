// SPDX-License-Identifier: AGPL-3.0-or-later

package load

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Dataset has the requests that a Plan describes. It is safe for concurrent use.
type Dataset struct {
	plan  Plan
	draw  *sample.Generator
	dates []time.Time
	from  int                         // index of the first day, see Part
	days  int                         // of the whole period
	kept  []func() ([]payload, error) // by analysis and date, if Plan.Distinct
}

// payload is the data of one stat.
type payload struct {
	kind stats.Type
	data []byte
}

// Batch is one POST /stats/.
type Batch struct {
	Client int // index of the client that sends it
	Stats  int // how many there are in Body
	Body   []byte
}

// New returns the dataset of a plan. The error names every problem of the plan.
func New(plan Plan) (*Dataset, error) {
	if err := plan.check(); err != nil {
		return nil, err
	}
	plan = plan.withDefaults()
	drawn := (plan.First + plan.Clients) * plan.Analyses
	if plan.Distinct > 0 {
		drawn = min(drawn, plan.Distinct)
	}
	d := &Dataset{plan: plan, draw: sample.New(sample.Options{
		Seed: plan.Seed, Clients: 1, Analyses: drawn, Days: plan.Days, Step: plan.Step, Until: plan.Until,
	})}
	d.dates = d.draw.Dates()
	d.days = len(d.dates)
	if plan.Distinct > 0 {
		d.kept = make([]func() ([]payload, error), drawn*len(d.dates))
		for i := range d.kept {
			d.kept[i] = sync.OnceValues(func() ([]payload, error) {
				return d.payloads(i/len(d.dates), d.dates[i%len(d.dates)])
			})
		}
	}
	return d, nil
}

// Dates returns the days that have stats, oldest first.
func (d *Dataset) Dates() []time.Time { return d.dates[d.from:] }

// Part returns only the first days of the dataset or, with rest, only the others.
func (d *Dataset) Part(days int, rest bool) *Dataset {
	part := *d
	if rest {
		part.from += days
	} else {
		part.dates = d.dates[:d.from+days]
	}
	return &part
}

// Rows returns the number of stats of each type.
func (d *Dataset) Rows() int { return d.plan.Clients * d.plan.Analyses * len(d.Dates()) }

// Analyses returns the ids of a client's analyses.
func (d *Dataset) Analyses(client int) []uuid.UUID {
	ids := make([]uuid.UUID, d.plan.Analyses)
	for i := range ids {
		ids[i] = d.anr(d.analysis(client, i))
	}
	return ids
}

// analysis returns the index of a client's analysis among those of all clients.
func (d *Dataset) analysis(client, i int) int { return (d.plan.First+client)*d.plan.Analyses + i }

func (d *Dataset) anr(analysis int) uuid.UUID {
	return uuid.NewSHA1(namespace, fmt.Appendf(nil, "analysis %d of %d", analysis, d.plan.Seed))
}

// Names returns the names of the clients, which differ from those of other seeds.
func (d *Dataset) Names() []string {
	names := make([]string, d.plan.Clients)
	for i := range names {
		names[i] = fmt.Sprintf("Load %d, organisation %d", d.plan.Seed, d.plan.First+i+1)
	}
	return names
}

// Len returns the number of batches.
func (d *Dataset) Len() int { return len(d.Dates()) * d.plan.Clients * d.postsOfDay() }

// postsOfDay returns the number of requests that a client sends per day.
func (d *Dataset) postsOfDay() int { return (d.plan.Analyses + d.plan.PerPost - 1) / d.plan.PerPost }

// Batch returns a batch by its index. Batches are ordered by date, then by client.
func (d *Dataset) Batch(i int) (Batch, error) {
	posts := d.postsOfDay()
	day, client, post := d.from+i/posts/d.plan.Clients, i/posts%d.plan.Clients, i%posts
	b := Batch{Client: client, Body: []byte{'['}}
	first := post * d.plan.PerPost
	for i := first; i < min(first+d.plan.PerPost, d.plan.Analyses); i++ {
		if err := d.appendAnalysis(&b, d.analysis(client, i), day); err != nil {
			return Batch{}, err
		}
	}
	b.Body = append(b.Body, ']')
	return b, nil
}

func (d *Dataset) appendAnalysis(b *Batch, analysis, day int) error {
	payloads, err := d.drawn(analysis, d.lastChange(analysis, day))
	if err != nil {
		return fmt.Errorf("draw analysis %d on %s: %w", analysis, d.dates[day].Format(time.DateOnly), err)
	}
	anr := d.anr(analysis).String()
	for _, p := range payloads {
		if b.Stats > 0 {
			b.Body = append(b.Body, ',')
		}
		b.Body = appendItem(b.Body, anr, p, d.dates[day])
		b.Stats++
	}
	return nil
}

func appendItem(dst []byte, anr string, p payload, date time.Time) []byte {
	dst = append(dst, `{"anr":"`...)
	dst = append(dst, anr...)
	dst = append(dst, `","type":`...)
	dst = strconv.AppendQuote(dst, string(p.kind))
	dst = append(dst, `,"date":"`...)
	dst = date.AppendFormat(dst, time.DateOnly)
	dst = append(dst, `","data":`...)
	dst = append(dst, p.data...)
	return append(dst, '}')
}

// lastChange returns the last day, up to day, on which the analysis changed.
func (d *Dataset) lastChange(analysis, day int) int {
	for day > 0 && !d.changes(analysis, day) {
		day--
	}
	return day
}

func (d *Dataset) changes(analysis, day int) bool {
	draw := rand.New(rand.NewPCG(d.plan.Seed, uint64(analysis)<<32|uint64(day)))
	return draw.IntN(100) < d.plan.Changed
}

// drawn returns the data of an analysis, which may repeat that of another one, see
// Plan.Distinct.
func (d *Dataset) drawn(analysis, day int) ([]payload, error) {
	if d.kept == nil {
		return d.payloads(analysis, d.dates[day])
	}
	distinct := len(d.kept) / d.days
	return d.kept[analysis%distinct*d.days+day]()
}

func (d *Dataset) payloads(analysis int, day time.Time) ([]payload, error) {
	var payloads []payload
	for _, stat := range d.draw.Stats(0, analysis, day) {
		if !slices.Contains(d.plan.Types, stat.Type) {
			continue
		}
		p := payload{kind: stat.Type, data: stat.Data}
		if d.plan.Thin {
			var err error
			if p.data, err = thin(p, d.plan.Objects, analysis == 0); err != nil {
				return nil, err
			}
		}
		payloads = append(payloads, p)
	}
	return payloads, nil
}
