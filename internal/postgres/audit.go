// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/audit"
)

// audit appends an entry for a change in the same transaction. Before and after become
// JSON objects; nil is left out.
func (w *writing) audit(ctx context.Context, action audit.Action, target string, before, after any) error {
	event := audit.Event{At: w.now(), Actor: audit.ActorOf(ctx), Action: action, Target: target}
	for _, part := range []struct {
		from any
		to   *json.RawMessage
	}{{before, &event.Before}, {after, &event.After}} {
		if part.from == nil {
			continue
		}
		encoded, err := json.Marshal(part.from)
		if err != nil {
			return fmt.Errorf("append %s to the audit log: %w", action, err)
		}
		*part.to = encoded
	}
	w.events = append(w.events, event)
	return nil
}

// auditColumns returns the columns of events.
func auditColumns(events []audit.Event) db.AppendAuditParams {
	var c db.AppendAuditParams
	for _, e := range events {
		c.Times = append(c.Times, e.At)
		c.Actors = append(c.Actors, e.Actor.Name)
		c.Origins = append(c.Origins, e.Actor.Origin)
		c.Actions = append(c.Actions, string(e.Action))
		c.Targets = append(c.Targets, e.Target)
		c.Befores = append(c.Befores, string(e.Before))
		c.Afters = append(c.Afters, string(e.After))
	}
	return c
}

func queueAudit(batch *pgx.Batch, events []audit.Event) {
	if len(events) == 0 {
		return
	}
	c := auditColumns(events)
	batch.Queue(db.AppendAudit, c.Times, c.Actors, c.Origins, c.Actions, c.Targets, c.Befores, c.Afters)
}

// RecordAudit implements audit.Recorder.
func (s Maintenance) RecordAudit(ctx context.Context, events []audit.Event) error {
	if err := s.queries.AppendAudit(ctx, auditColumns(events)); err != nil {
		return fmt.Errorf("append to the audit log: %w", translate(ctx, err))
	}
	return nil
}

// auditPage bounds the entries in memory.
const auditPage = 1_000

// EachAuditEvent calls fn with the entries of the audit log since a moment, oldest
// first. It stops at the first error of fn, and returns it unchanged.
func (s Maintenance) EachAuditEvent(ctx context.Context, since time.Time, fn func(audit.Event) error) error {
	page := db.AuditEntriesParams{AfterAt: since, AfterID: math.MinInt64, MaxRows: auditPage}
	for {
		rows, err := s.queries.AuditEntries(ctx, page)
		if err != nil {
			return fmt.Errorf("read the audit log: %w", translate(ctx, err))
		}
		for _, row := range rows {
			page.AfterAt, page.AfterID = row.At, row.ID
			err := fn(audit.Event{
				At: row.At.UTC(), Actor: audit.Actor{Name: row.Actor, Origin: row.Origin},
				Action: audit.Action(row.Action), Target: row.Target, Before: row.Before, After: row.After,
			})
			if err != nil {
				return err
			}
		}
		if len(rows) < auditPage {
			return nil
		}
	}
}

// PurgeAudit deletes the entries of the audit log before a moment and returns their
// number. If there were any, it appends an entry about that.
func (s Maintenance) PurgeAudit(ctx context.Context, before time.Time) (deleted int64, err error) {
	err = s.transact(ctx, func(w *writing) (err error) {
		if err := w.queries.AllowAuditRetention(ctx); err != nil {
			return err
		}
		deleted, err = w.queries.DeleteAuditEntries(ctx, before)
		if err != nil || deleted == 0 {
			return err
		}
		return w.audit(ctx, audit.AuditPurge, audit.Log, nil, map[string]any{"before": before, "entries": deleted})
	})
	if err != nil {
		return 0, fmt.Errorf("delete old entries of the audit log: %w", translate(ctx, err))
	}
	return deleted, nil
}

// clientFields returns the fields of a client for the audit log, without tokens.
func clientFields(row db.Client) map[string]any {
	fields := map[string]any{
		"role": row.Role, "local": row.Local, "is_sharing_enabled": row.IsSharingEnabled,
		"is_active": row.IsActive, "is_processed": row.IsProcessed,
	}
	if row.Name != nil {
		fields["name"] = *row.Name
	}
	if row.Latitude != nil {
		fields["latitude"] = *row.Latitude
	}
	if row.Longitude != nil {
		fields["longitude"] = *row.Longitude
	}
	return fields
}

// auditChange appends an entry with the difference between two states of a client, if
// there is any.
func (w *writing) auditChange(ctx context.Context, before, after db.Client) error {
	was, is := clientFields(before), clientFields(after)
	for name, value := range was {
		if now, kept := is[name]; kept && now == value {
			delete(was, name)
			delete(is, name)
		}
	}
	if len(was) == 0 && len(is) == 0 {
		return nil
	}
	return w.audit(ctx, audit.ClientUpdate, audit.Client(after.UUID.String()), was, is)
}

// auditDeletion appends an entry before a deletion of stats, which takes several
// transactions.
func (w *writing) auditDeletion(ctx context.Context, action audit.Action, target string, total int64, after any) error {
	if total == 0 {
		return nil
	}
	return w.audit(ctx, action, target, map[string]any{"stats": total}, after)
}
