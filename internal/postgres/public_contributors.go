package postgres

import (
	"slices"
	"time"
)

// contributors notes which clients stand behind figures.
type contributors struct {
	enough int
	start  func(time.Time) time.Time

	slots    map[int64]int // subject id to its place in subjects
	subjects []int64
	days     map[time.Time]*part
	parts    map[time.Time]*part
}

// part is a part of a period: by slot, different clients up to enough of them.
type part struct {
	start   time.Time
	clients [][]int64
}

func newContributors(enough int, start func(time.Time) time.Time) *contributors {
	return &contributors{enough: enough, start: start, slots: map[int64]int{}, days: map[time.Time]*part{}, parts: map[time.Time]*part{}}
}

// add notes what stats of a client measured on a day.
func (c *contributors) add(client int64, date time.Time, measures []measure) {
	p := c.partOf(date)
	for i := range measures {
		slot := c.slotOf(measures[i].subject)
		if slot >= len(p.clients) {
			p.clients = append(p.clients, make([][]int64, slot+1-len(p.clients))...)
		}
		if known := p.clients[slot]; len(known) < c.enough && !slices.Contains(known, client) {
			p.clients[slot] = append(known, client)
		}
	}
}

func (c *contributors) partOf(date time.Time) *part {
	if p, known := c.days[date]; known {
		return p
	}
	start := c.start(date)
	p, known := c.parts[start]
	if !known {
		p = &part{start: start}
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

// counts counts each client once where several subjects have one key. A list
// that was cut short has enough clients by itself, so that all unions of fewer
// clients are complete.
func (c *contributors) counts(variants map[int64]variant) map[Figure]int {
	behind := map[Figure][]int64{}
	for _, p := range c.parts {
		for slot, clients := range p.clients {
			if v, known := variants[c.subjects[slot]]; known && len(clients) > 0 {
				figure := Figure{p.start, v.Key}
				behind[figure] = append(behind[figure], clients...)
			}
		}
	}
	counts := make(map[Figure]int, len(behind))
	for figure, clients := range behind {
		slices.Sort(clients)
		counts[figure] = min(len(slices.Compact(clients)), c.enough)
	}
	return counts
}
