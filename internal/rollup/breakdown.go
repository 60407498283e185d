// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"math/bits"
	"slices"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Breakdown adds up observations separately for each analysis. It records which
// analyses and clients contributed to a figure, in the whole period and in each part of
// it. Its memory grows with subjects, analyses and parts, not with stats.
type Breakdown struct {
	start    func(Day) Day // first day of the part that a day belongs to
	starts   map[Day]Day   // results of start, by day
	analyses map[uuid.UUID]int
	clients  map[int64]int
	slots    map[int64]int // subject to its place in subjects and observed
	subjects []int64
	observed []*breakdown
	buffer   []sample
}

// breakdown has the observations of a subject.
type breakdown struct {
	cells []cell // by analysis
	all   contributors
	parts map[Day]*contributors
}

// contributors has the numbers of the analyses and clients behind a figure.
type contributors struct{ analyses, clients bitset }

// bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) add(n int) {
	if missing := n/64 + 1 - len(*b); missing > 0 {
		*b = append(*b, make([]uint64, missing)...)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b *bitset) unite(other bitset) {
	if missing := len(other) - len(*b); missing > 0 {
		*b = append(*b, make([]uint64, missing)...)
	}
	for i, word := range other {
		(*b)[i] |= word
	}
}

func (b *bitset) len() (n int) {
	for _, word := range *b {
		n += bits.OnesCount64(word)
	}
	return n
}

// NewBreakdown returns an empty Breakdown. start returns the first day of the part of
// the period that a day belongs to.
func NewBreakdown(start func(Day) Day) *Breakdown {
	return &Breakdown{
		start: start, starts: map[Day]Day{}, analyses: map[uuid.UUID]int{}, clients: map[int64]int{}, slots: map[int64]int{},
	}
}

// Observe adds packed observations of an analysis on days. The client is 0 for stats
// without a client. If packed is damaged, Observe returns an error and adds nothing.
func (b *Breakdown) Observe(analysis uuid.UUID, client int64, days []Day, packed []byte) error {
	samples, err := unpack(observed, packed, b.buffer[:0])
	if err != nil {
		return err
	}
	b.buffer = samples
	of := number(b.analyses, analysis)
	from := -1
	if client > 0 {
		from = number(b.clients, client)
	}
	parts := b.partsOf(days)
	for i := range samples {
		one := b.at(samples[i].subject)
		if missing := of + 1 - len(one.cells); missing > 0 {
			one.cells = append(one.cells, make([]cell, missing)...)
		}
		one.cells[of].add(&samples[i], int64(len(days)))
		one.all.add(of, from)
		for _, part := range parts {
			if one.parts[part] == nil {
				one.parts[part] = &contributors{}
			}
			one.parts[part].add(of, from)
		}
	}
	return nil
}

// number returns the index of a key, in order of appearance.
func number[K comparable](known map[K]int, key K) int {
	n, ok := known[key]
	if !ok {
		n = len(known)
		known[key] = n
	}
	return n
}

func (c *contributors) add(analysis, client int) {
	c.analyses.add(analysis)
	if client >= 0 {
		c.clients.add(client)
	}
}

func (c *contributors) unite(other *contributors) {
	c.analyses.unite(other.analyses)
	c.clients.unite(other.clients)
}

func (c *contributors) count() Contributors {
	return Contributors{Analyses: c.analyses.len(), Clients: c.clients.len()}
}

func (b *Breakdown) partsOf(days []Day) (parts []Day) {
	for _, day := range days {
		part, known := b.starts[day]
		if !known {
			part = b.start(day)
			b.starts[day] = part
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return parts
}

func (b *Breakdown) at(subject int64) *breakdown {
	slot, known := b.slots[subject]
	if !known {
		slot = len(b.subjects)
		b.slots[subject] = slot
		b.subjects = append(b.subjects, subject)
		b.observed = append(b.observed, &breakdown{parts: map[Day]*contributors{}})
	}
	return b.observed[slot]
}

// Subjects returns the subjects of all that was added.
func (b *Breakdown) Subjects() []int64 { return b.subjects }

// Contributors counts distinct analyses and clients.
type Contributors struct{ Analyses, Clients int }

// Shares has the contributions of analyses to the figures of a key.
type Shares struct {
	Contributors
	Parts map[Day]Contributors // by first day
	Means []AnalysisMean       // in the order of the analyses
}

// AnalysisMean has the means of the values of an analysis over all its stats of a
// period.
type AnalysisMean struct {
	Analysis int // unique within a Breakdown
	Values   [maxWidth]float64
}

// ByKey returns the shares by key. Subjects missing from known are left out.
func (b *Breakdown) ByKey(known map[int64]Subject) map[stats.Key]Shares {
	merged := map[stats.Key]*breakdown{}
	for slot, subject := range b.subjects {
		s, ok := known[subject]
		if !ok {
			continue
		}
		of := merged[s.Key]
		if of == nil {
			merged[s.Key] = b.observed[slot]
			continue
		}
		cells := cells(of.cells)
		cells.add(b.observed[slot].cells)
		of.cells = cells
		of.all.unite(&b.observed[slot].all)
		for day, part := range b.observed[slot].parts {
			if of.parts[day] == nil {
				of.parts[day] = &contributors{}
			}
			of.parts[day].unite(part)
		}
	}
	b.observed = nil // merging has modified it
	shares := make(map[stats.Key]Shares, len(merged))
	for key, one := range merged {
		shares[key] = one.shares()
	}
	return shares
}

func (b *breakdown) shares() Shares {
	s := Shares{Contributors: b.all.count(), Parts: make(map[Day]Contributors, len(b.parts))}
	for day, part := range b.parts {
		s.Parts[day] = part.count()
	}
	for analysis := range b.cells {
		c := &b.cells[analysis]
		if c.count == 0 {
			continue
		}
		mean := AnalysisMean{Analysis: analysis}
		for i := range c.sums {
			mean.Values[i] = processor.Mean(c.sums[i].total(), c.count)
		}
		s.Means = append(s.Means, mean)
	}
	return s
}
