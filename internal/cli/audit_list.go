// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) auditList() *cli.Command {
	return &cli.Command{
		Name:     "audit_list",
		Category: categoryService,
		Usage:    "List the changes and refused keys in the audit log.",
		Description: "Lists changes of clients and their keys, deletions, purges, the takeover of a\n" +
			"database and refused keys, oldest first: who did it, from where, and the values\n" +
			"before and after. stats_purge deletes entries that are as old as its stats.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "Start of the list: a day such as 2026-03-31, a time such as 2026-03-31T12:00:00Z, or a duration before now, such as 48h.  [default: the beginning]"},
			jsonOption(),
		},
		Action: p.task(logging.CommandsDatabase, listAudit),
	}
}

// auditRecord is an entry of the audit log as programs read it.
type auditRecord struct {
	At     time.Time       `json:"at"`
	Actor  string          `json:"actor"`
	Origin string          `json:"origin"`
	Action string          `json:"action"`
	Target string          `json:"target"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

func listAudit(ctx context.Context, t *task) error {
	since, err := t.moment("since")
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		out := bufio.NewWriter(t.Stdout)
		list := auditList{out: out, json: t.options.Bool("json")}
		if err := store.EachAuditEvent(ctx, since, list.write); err != nil {
			return err
		}
		t.explainEmpty(list.written, "The audit log has no entries from that time on.")
		if err := list.end(); err != nil {
			return &unwritableError{cause: err}
		}
		return nil
	})
}

// auditList writes entries as they are read: a log may be long.
type auditList struct {
	out     *bufio.Writer
	json    bool
	written int
}

func (l *auditList) write(e audit.Event) error {
	l.written++
	if !l.json {
		return l.checked(fmt.Fprintf(l.out, "%s  %s  %s  by %s%s%s%s\n", e.At.Format(time.DateTime), e.Action, e.Target, onOneLine(e.Actor.Name),
			described(" from ", onOneLine(e.Actor.Origin)), described("  before ", string(e.Before)), described("  after ", string(e.After))))
	}
	record, err := json.Marshal(auditRecord{e.At, e.Actor.Name, e.Actor.Origin, string(e.Action), e.Target, e.Before, e.After})
	if err != nil {
		return err
	}
	separator := ","
	if l.written == 1 {
		separator = "["
	}
	return l.checked(fmt.Fprintf(l.out, "%s%s", separator, record))
}

func (l *auditList) checked(_ int, err error) error {
	if err != nil {
		return &unwritableError{cause: err}
	}
	return nil
}

func (l *auditList) end() error {
	if l.json && l.written == 0 {
		_, _ = io.WriteString(l.out, "[") // Flush returns the error
	}
	if l.json {
		_, _ = io.WriteString(l.out, "]\n")
	}
	return l.out.Flush()
}

func described(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// moment returns the value of an option, the zero time if it was not given.
func (t *task) moment(option string) (time.Time, error) {
	given := t.options.String(option)
	if given == "" {
		return time.Time{}, nil
	}
	if at, ok := momentOf(given, t.Now(), t.settings.Location()); ok {
		return at, nil
	}
	return time.Time{}, usagef("--%s %q is not a day such as 2026-03-31, a time such as 2026-03-31T12:00:00Z, or a duration such as 48h", option, given)
}

// momentOf reads a day at its beginning in a time zone, a time, or how long before now.
func momentOf(text string, now time.Time, zone *time.Location) (at time.Time, ok bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	if day, err := stats.ParseDate(text); err == nil {
		return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone), true
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), true
	}
	return time.Time{}, false
}
