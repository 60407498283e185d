// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
)

// key identifies a stat here: the front offices of this program post one stat for an
// analysis, type and day, although the service allows several.
type key struct {
	anr  uuid.UUID
	kind client.Type
	day  string
}

func keyOf(stat client.Stat) key { return key{stat.ANR, stat.Type, stat.Date.String()} }

// state is what a front office knows about a stat.
type state int

const (
	posting  state = iota // the stat may be stored
	stored                // storing was acknowledged
	deleting              // the stat may be deleted
	deleted               // deleting was acknowledged
)

// posted is a stat that was posted.
type posted struct {
	stat  client.Stat // with the acknowledged UUID; without data once deleted
	state state
}

// ledger records what one front office posted and deleted, with the results.
type ledger struct {
	entries map[key]*posted
	live    []key // stored stats, in the order of acknowledgement

	posts, deletions int // acknowledged
}

func newLedger() *ledger { return &ledger{entries: map[key]*posted{}} }

// post records stats that are about to be posted.
func (l *ledger) post(stats []client.Stat) {
	for _, stat := range stats {
		if l.entries[keyOf(stat)] == nil {
			l.entries[keyOf(stat)] = &posted{stat: stat}
		}
	}
}

// acknowledge records the answer to a post. The error says what the answer lacks, or has
// in addition.
func (l *ledger) acknowledge(sent []client.Stat, answer client.Posted) error {
	if got := len(answer.Stats) + len(answer.Duplicates); got != len(sent) {
		return fmt.Errorf("%d stats were posted, %d acknowledged", len(sent), got)
	}
	ids := map[key]uuid.UUID{}
	for _, stat := range answer.Stats {
		ids[keyOf(stat)] = stat.UUID
	}
	for _, stat := range sent {
		id, ok := ids[keyOf(stat)]
		if !ok && !slices.Contains(answer.Duplicates, stat.UUID) {
			return fmt.Errorf("the answer lacks the %s of %s on %s", stat.Type, stat.ANR, stat.Date)
		}
		e := l.entries[keyOf(stat)]
		if ok {
			e.stat.UUID = id
		}
		if e.state == posting {
			e.state = stored
			l.live = append(l.live, keyOf(stat))
			l.posts++
		}
	}
	return nil
}

// change moves the entries of keys to a state other than stored.
func (l *ledger) change(keys []key, to state) {
	for _, k := range keys {
		e := l.entries[k]
		if to == deleted && e.state != deleted {
			l.deletions++
			e.stat.Data = nil
		}
		e.state = to
	}
	l.live = slices.DeleteFunc(l.live, func(k key) bool { return l.entries[k].state != stored })
}

// ofAnalysis returns all keys of an analysis that may be stored.
func (l *ledger) ofAnalysis(anr uuid.UUID) (keys []key) {
	for k, e := range l.entries {
		if k.anr == anr && e.state != deleted {
			keys = append(keys, k)
		}
	}
	return keys
}

// faults counts the stats that are wrong in a database.
type faults struct {
	lost     int // acknowledged, but missing or stored under another UUID
	twice    int // stored more than once
	undone   int // stored although their deletion was acknowledged
	unknown  int // stored although never posted
	examples []string
}

func (f *faults) any() bool { return f.lost+f.twice+f.undone+f.unknown > 0 }

func (f *faults) add(g faults) {
	f.lost, f.twice, f.undone, f.unknown = f.lost+g.lost, f.twice+g.twice, f.undone+g.undone, f.unknown+g.unknown
	f.examples = append(f.examples, g.examples...)
}

const mostExamples = 5

func (f *faults) example(format string, args ...any) {
	if len(f.examples) < mostExamples {
		f.examples = append(f.examples, fmt.Sprintf(format, args...))
	}
}

// compare compares the ledger with rows, the UUIDs of stored stats. Afterwards, the state
// of every stat is known: no request may be in flight.
func (l *ledger) compare(rows map[key][]uuid.UUID) (f faults) {
	var came, went []key
	for k, e := range l.entries {
		ids := rows[k]
		switch {
		case len(ids) > 1:
			f.twice++
			f.example("%d times: %+v", len(ids), k)
		case e.state == stored && (len(ids) == 0 || ids[0] != e.stat.UUID):
			f.lost++
			f.example("lost: %+v %s, found %v", k, e.stat.UUID, ids)
			if len(ids) == 0 { // each is reported once
				went = append(went, k)
			} else {
				came = append(came, k)
			}
		case e.state == deleted && len(ids) > 0:
			f.undone++
			f.example("deleted and back: %+v %s", k, ids[0])
			came = append(came, k)
		case len(ids) == 0 && (e.state == posting || e.state == deleting):
			went = append(went, k)
		case e.state == posting || e.state == deleting:
			came = append(came, k)
		}
	}
	for _, k := range went {
		l.entries[k].state, l.entries[k].stat.Data = deleted, nil
	}
	for _, k := range came {
		l.entries[k].state, l.entries[k].stat.UUID = stored, rows[k][0]
		l.live = append(l.live, k)
	}
	l.live = slices.DeleteFunc(l.live, func(k key) bool { return l.entries[k].state != stored })
	return f
}
