// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// result has the results of the faults of one kind.
type result struct {
	times     int
	posts     int // acknowledged stats since the previous check
	deletions int // of stats
	faults    faults
	refused   []string // errors of wrongly refused requests
	underived error    // error of db_rebuild --check
	longest   time.Duration
}

func (r *result) add(with result) {
	r.times += with.times
	r.posts += with.posts
	r.deletions += with.deletions
	r.faults.add(with.faults)
	r.refused = append(r.refused, with.refused...)
	r.underived = errors.Join(r.underived, with.underived)
	r.longest = max(r.longest, with.longest)
}

func (r *result) wrong() bool { return r.faults.any() || len(r.refused) > 0 || r.underived != nil }

// note adds the result of a fault, and logs at once what is wrong.
func (r *runner) note(f fault, of result) {
	all := r.results[f.name]
	if all == nil {
		all = &result{}
		r.results[f.name] = all
	}
	all.add(of)
	r.log.Info("a fault is over", "name", f.name, "recovery", of.longest.Round(time.Millisecond), "posts", of.posts, "deletions", of.deletions)
	if of.wrong() {
		r.log.Error("something is wrong", "faults", fmt.Sprintf("%+v", of.faults), "refused", len(of.refused), "such_as", of.refused[:min(len(of.refused), mostExamples)], "rollups", of.underived)
	}
}

// wrong reports whether anything was wrong.
func (r *runner) wrong() bool {
	for _, of := range r.results {
		if of.wrong() {
			return true
		}
	}
	return r.ends.any()
}

// write prints a Markdown table and a summary.
func (r *runner) write(out io.Writer) {
	var all result
	kills := 0
	fmt.Fprintln(out, "| fault | times | acknowledged stats | acknowledged deletions | lost | twice | deletions undone | refused in error | rollups wrong | longest recovery |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|")
	for _, f := range allFaults {
		of := r.results[f.name]
		if of == nil {
			continue
		}
		if f.kill {
			kills += of.times
		}
		all.add(*of)
		of.row(out, f.name)
	}
	all.row(out, "all")
	fmt.Fprintf(out, "\n%d faults in %s, %d of them kills; seed %d.\n", all.times, time.Since(r.started).Round(time.Second), kills, r.seed)
	if r.ends.any() {
		fmt.Fprintf(out, "By the API, at the end: %+v\n", r.ends)
	}
}

func (r *result) row(out io.Writer, name string) {
	underived := "no"
	if r.underived != nil {
		underived = "yes"
	}
	fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %d | %d | %d | %s | %.1f s |\n", name, r.times, r.posts, r.deletions,
		r.faults.lost, r.faults.twice+r.faults.unknown, r.faults.undone, len(r.refused), underived, r.longest.Seconds())
}
