// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Figure identifies the figure of a key in a part of a period.
type Figure struct {
	Start time.Time // first day of the part, see ClientsBehind
	Key   stats.Key
}

// Clients has the ids of distinct local and other clients, in ascending order.
type Clients struct {
	Local, Others []int64
}

// Behind holds the contributors to figures.
type Behind struct {
	// Senders has all clients that sent stats, by part of the period.
	Senders map[time.Time]Clients
	// Figures has the clients whose stats measured the figure, up to enough local and
	// enough other ones. Clients whose number of risks is 0 do not count.
	Figures map[Figure]Clients
}

// ClientsBehind returns the clients behind the figures that filter selects; if clients is
// not nil, only these. start returns the first day of the part of the period that a day
// belongs to. It reads every document of the period.
func (s SumStore) ClientsBehind(ctx context.Context, filter stats.Filter, clients []int64, enough int, start func(time.Time) time.Time) (Behind, error) {
	var behind Behind
	err := s.read(ctx, func(source db.DBTX) (err error) {
		c := contributors{
			enough: enough, start: start, countsRisks: filter.Type == stats.Risk || filter.Type == stats.Cartography,
			slots: map[int64]int{}, parts: map[rollup.Day]*part{},
		}
		behind, err = s.clientsBehind(ctx, source, filter, clients, &c)
		return err
	})
	if err != nil {
		return Behind{}, fmt.Errorf("find the clients behind %s stats: %w", filter.Type, err)
	}
	return behind, nil
}

func (s *shared) clientsBehind(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64, c *contributors) (Behind, error) {
	parts := partsOf(c.start)
	err := eachContribution(ctx, source, filter, clients, func(from sender, days []rollup.Day, packed []byte) {
		for start := range parts.count(days) {
			c.add(from, start, packed)
		}
	})
	if err != nil {
		return Behind{}, err
	}
	subjects, err := s.subjectsByID(ctx, source, c.subjects)
	if err != nil {
		return Behind{}, err
	}
	return c.behind(subjects), nil
}

// contributors collects the clients that contributed to figures.
type contributors struct {
	enough      int
	start       func(time.Time) time.Time
	countsRisks bool // values are numbers of risks

	slots    map[int64]int // subject id to its place in subjects
	subjects []int64
	parts    map[rollup.Day]*part // by first day
}

// part is a part of a period.
type part struct {
	senders map[sender]bool
	clients []Clients // by slot; distinct, up to enough local and enough other ones
}

// add adds the observations of a client in a part of the period. It leaves out damaged
// ones, like DailySums.
func (c *contributors) add(from sender, start rollup.Day, packed []byte) {
	from.analysis = uuid.UUID{} // only clients are counted
	p, known := c.parts[start]
	if !known {
		p = &part{senders: map[sender]bool{}}
		c.parts[start] = p
	}
	err := rollup.EachSubject(packed, func(subject int64, zero bool) {
		if !c.countsRisks || !zero {
			c.addTo(p, from, subject)
		}
	})
	if err == nil {
		p.senders[from] = true
	}
}

func (c *contributors) addTo(p *part, from sender, subject int64) {
	slot := c.slotOf(subject)
	if slot >= len(p.clients) {
		p.clients = append(p.clients, make([]Clients, slot+1-len(p.clients))...)
	}
	known := p.clients[slot].of(from)
	if len(*known) < c.enough && !slices.Contains(*known, from.client) {
		*known = append(*known, from.client)
	}
}

// of returns the list that a client belongs to.
func (c *Clients) of(from sender) *[]int64 {
	if from.local {
		return &c.Local
	}
	return &c.Others
}

func (c *contributors) slotOf(subject int64) int {
	slot, known := c.slots[subject]
	if !known {
		slot = len(c.subjects)
		c.slots[subject] = slot
		c.subjects = append(c.subjects, subject)
	}
	return slot
}

// behind merges the clients of subjects with the same key. A list that reached its limit
// has enough clients by itself, so every union with fewer is complete.
func (c *contributors) behind(known map[int64]rollup.Subject) Behind {
	result := Behind{Senders: map[time.Time]Clients{}, Figures: map[Figure]Clients{}}
	for day, p := range c.parts {
		start := day.Date()
		var senders Clients
		for from := range p.senders {
			ids := senders.of(from)
			*ids = append(*ids, from.client)
		}
		result.Senders[start] = senders.sorted()
		for slot, clients := range p.clients {
			if subject, ok := known[c.subjects[slot]]; ok {
				figure := Figure{start, subject.Key}
				result.Figures[figure] = result.Figures[figure].and(clients)
			}
		}
	}
	for figure, clients := range result.Figures {
		if len(clients.Local)+len(clients.Others) == 0 {
			delete(result.Figures, figure)
			continue
		}
		result.Figures[figure] = clients.sorted()
	}
	return result
}

func (c Clients) and(more Clients) Clients {
	return Clients{append(c.Local, more.Local...), append(c.Others, more.Others...)}
}

func (c Clients) sorted() Clients {
	slices.Sort(c.Local)
	slices.Sort(c.Others)
	return Clients{slices.Compact(c.Local), slices.Compact(c.Others)}
}
