// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"
)

// The marks around the part of a document that a report replaces.
const (
	reportBegins = "<!-- report begins -->\n"
	reportEnds   = "<!-- report ends -->\n"
)

// write prints the report, and writes it to the file of -markdown.
func (b *bench) write(ctx context.Context, out io.Writer) error {
	var text bytes.Buffer
	m := b.machine
	fmt.Fprintf(&text, "%d cores of %s, %s; %s, PostgreSQL %s. ", runtime.NumCPU(), m.processor, m.system, m.goVersion, m.postgres)
	fmt.Fprintf(&text, "The load of the machine before the run was %s; the run took %s",
		m.loadBefore, time.Since(m.started).Round(time.Second))
	if ctx.Err() != nil {
		fmt.Fprintf(&text, " and was cut short (%v)", ctx.Err())
	}
	fmt.Fprint(&text, ".\n\n")
	for _, s := range append(b.report.sections, b.report.goals.table()) {
		s.print(&text)
	}
	if _, err := out.Write(text.Bytes()); err != nil || b.markdown == "" {
		return err
	}
	return putInto(b.markdown, text.Bytes())
}

// putInto writes the report to a file. If the file marks a part for reports, it replaces
// only that part.
func putInto(path string, report []byte) error {
	document, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before, rest, begins := bytes.Cut(document, []byte(reportBegins))
	_, after, ends := bytes.Cut(rest, []byte(reportEnds))
	if begins && ends {
		report = slices.Concat(before, []byte(reportBegins+"\n"), report, []byte(reportEnds), after)
	}
	return os.WriteFile(path, report, 0o644)
}
