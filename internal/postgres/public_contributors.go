package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Figure names what was measured of a key in a part of a period.
type Figure struct {
	Start time.Time // as the function of ClientsBehind gave it
	Key   stats.Key
}

// Clients are different clients by whether they are local, in ascending order.
type Clients struct {
	Local, Others []int64
}

// Behind tells who stands behind figures.
type Behind struct {
	// Senders are all clients that sent stats in a part of the period.
	Senders map[time.Time]Clients
	// Figures are those whose stats measured something, up to enough of each
	// kind. Where values are numbers of risks, 0 is not something.
	Figures map[Figure]Clients
}

// ClientsBehind tells which clients stand behind figures of a type in a period,
// or which of these clients unless they are nil. The function start gives the
// part of the period that a day belongs to. It reads every stats of the period.
func (s *Store) ClientsBehind(ctx context.Context, filter stats.Filter, clients []int64, enough int, start func(time.Time) time.Time) (Behind, error) {
	var behind Behind
	err := s.read(ctx, func(source db.DBTX) (err error) {
		c := contributors{
			enough: enough, start: start, countsRisks: filter.Type == stats.Risk || filter.Type == stats.Cartography,
			slots: map[int64]int{}, days: map[time.Time]*part{}, parts: map[time.Time]*part{},
		}
		behind, err = s.clientsBehind(ctx, source, filter, clients, &c)
		return err
	})
	if err != nil {
		return Behind{}, fmt.Errorf("find the clients behind %s stats: %w", filter.Type, err)
	}
	return behind, nil
}

func (s *Store) clientsBehind(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64, c *contributors) (Behind, error) {
	var buffer []measure
	err := eachObservation(ctx, source, filter, clients, func(from sender, date time.Time, packed []byte) {
		measures, err := unpack(observed, packed, buffer[:0])
		if err != nil {
			return // left out, as in DailySums
		}
		buffer = measures
		c.add(from, date, measures)
	})
	if err != nil {
		return Behind{}, err
	}
	variants, err := s.subjectsByID(ctx, source, c.subjects)
	if err != nil {
		return Behind{}, err
	}
	return c.behind(variants), nil
}

// contributors notes which clients stand behind figures.
type contributors struct {
	enough      int
	start       func(time.Time) time.Time
	countsRisks bool // values are numbers of risks

	slots    map[int64]int // subject id to its place in subjects
	subjects []int64
	days     map[time.Time]*part
	parts    map[time.Time]*part
}

// part is a part of a period.
type part struct {
	start   time.Time
	senders map[sender]bool
	clients []Clients // by slot, different ones up to enough of each kind
}

// add notes what stats of a client measured on a day.
func (c *contributors) add(from sender, date time.Time, measures []measure) {
	p := c.partOf(date)
	p.senders[from] = true
	for i := range measures {
		if c.countsRisks && measures[i].values[0].isZero() {
			continue
		}
		slot := c.slotOf(measures[i].subject)
		if slot >= len(p.clients) {
			p.clients = append(p.clients, make([]Clients, slot+1-len(p.clients))...)
		}
		known := p.clients[slot].of(from)
		if len(*known) < c.enough && !slices.Contains(*known, from.client) {
			*known = append(*known, from.client)
		}
	}
}

// of is the list that a client belongs to.
func (c *Clients) of(from sender) *[]int64 {
	if from.local {
		return &c.Local
	}
	return &c.Others
}

func (a amount) isZero() bool {
	if a.long != nil {
		return a.long.IsZero()
	}
	return a.coef == 0
}

func (c *contributors) partOf(date time.Time) *part {
	if p, known := c.days[date]; known {
		return p
	}
	start := c.start(date)
	p, known := c.parts[start]
	if !known {
		p = &part{start: start, senders: map[sender]bool{}}
		c.parts[start] = p
	}
	c.days[date] = p
	return p
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

// behind names each client once where several subjects have one key. A list
// that was cut short has enough clients by itself, so that all unions of fewer
// clients are complete.
func (c *contributors) behind(variants map[int64]variant) Behind {
	result := Behind{Senders: map[time.Time]Clients{}, Figures: map[Figure]Clients{}}
	for start, p := range c.parts {
		var senders Clients
		for from := range p.senders {
			known := senders.of(from)
			*known = append(*known, from.client)
		}
		result.Senders[start] = senders.sorted()
		for slot, clients := range p.clients {
			if v, known := variants[c.subjects[slot]]; known {
				figure := Figure{start, v.Key}
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
