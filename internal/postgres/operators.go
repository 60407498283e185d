// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// This file has the operators' changes of clients, by UUID. The error for an unknown UUID
// is stats.ErrNotFound, with the UUID in its text.

// ClientChange has the new values of a client's fields; nil leaves a field unchanged.
type ClientChange struct {
	Name   *string
	Role   *stats.Role
	Active *bool
	// Local decides whether stats.Filter.LocalStatsOnly includes the client's stats.
	Local *bool
	// Processed is false to mute the client: its stats are kept and returned to it, but
	// left out of results.
	Processed *bool
}

// UpdateClient changes the client and returns it without its token. A change of Local or
// Processed moves the client's stats between rollups, and locks out other writers of
// stats meanwhile.
//
// The error is a *stats.InvalidError if a value is invalid or the change is empty, and a
// *stats.ConflictError if another client has the name.
func (s ClientStore) UpdateClient(ctx context.Context, id uuid.UUID, change ClientChange) (stats.Client, error) {
	if change.Name != nil {
		name, err := s.spelling(ctx, *change.Name)
		if err != nil {
			return stats.Client{}, err
		}
		change.Name = &name
	}
	if err := change.validate(); err != nil {
		return stats.Client{}, err
	}
	params := db.UpdateClientParams{
		UUID: id, Name: change.Name, Role: (*int16)(change.Role), IsActive: change.Active,
		Local: change.Local, IsProcessed: change.Processed, UpdatedAt: s.timestamp(),
	}
	if change.Local == nil && change.Processed == nil {
		return s.updateClient(ctx, params)
	}
	return s.changeClientUnder(ctx, db.LockExclusive, id, func(w *writing, before db.Client) (db.Client, error) {
		after, err := w.queries.UpdateClient(ctx, params)
		if err != nil {
			return db.Client{}, err
		}
		return after, w.recount(ctx, before, after)
	})
}

func (c ClientChange) validate() error {
	if c == (ClientChange{}) {
		return stats.Invalid("client", "nothing to change: give a name, a role, whether it is active, whether it is local or whether it is processed")
	}
	probe := stats.Client{Name: "unchanged", Role: stats.RoleUser}
	if c.Name != nil {
		probe.Name = *c.Name
	}
	if c.Role != nil {
		probe.Role = *c.Role
	}
	return validateClient(probe)
}

// SetSharing records whether the client shares its stats and returns it without its
// token.
func (s ClientStore) SetSharing(ctx context.Context, id uuid.UUID, enabled bool) (stats.Client, error) {
	return s.updateClient(ctx, db.UpdateClientParams{
		UUID: id, IsSharingEnabled: &enabled, UpdatedAt: s.timestamp(),
	})
}

func (s ClientStore) updateClient(ctx context.Context, params db.UpdateClientParams) (stats.Client, error) {
	return s.changeClient(ctx, params.UUID, func(w *writing, _ db.Client) (db.Client, error) {
		return w.queries.UpdateClient(ctx, params)
	})
}

// SetCoordinates sets the location of the client, in degrees, and returns the client
// without its token; nil removes a coordinate. The error is a *stats.InvalidError unless
// the latitude is from -90 to 90 and the longitude from -180 to 180.
func (s ClientStore) SetCoordinates(ctx context.Context, id uuid.UUID, latitude, longitude *float64) (stats.Client, error) {
	if err := validateCoordinate("latitude", latitude, 90); err != nil {
		return stats.Client{}, err
	}
	if err := validateCoordinate("longitude", longitude, 180); err != nil {
		return stats.Client{}, err
	}
	return s.changeClient(ctx, id, func(w *writing, _ db.Client) (db.Client, error) {
		return w.queries.SetClientCoordinates(ctx, db.SetClientCoordinatesParams{
			UUID: id, Latitude: latitude, Longitude: longitude, UpdatedAt: s.timestamp(),
		})
	})
}

func validateCoordinate(name string, degrees *float64, limit float64) error {
	// This form refuses NaN, for which every comparison is false.
	if degrees == nil || (*degrees >= -limit && *degrees <= limit) {
		return nil
	}
	return stats.Invalid(name, "%v is not between -%v and %v degrees", *degrees, limit, limit)
}

// RotateToken gives the client a new token and returns the client with it. The previous
// token stays valid for the duration of grace; older ones become invalid.
func (s ClientStore) RotateToken(ctx context.Context, id uuid.UUID, grace time.Duration) (stats.Client, error) {
	if grace < 0 {
		return stats.Client{}, stats.Invalid("grace", "%s is negative: use 0 to end the old token at once", grace)
	}
	token, now := secret.NewToken(), s.timestamp()
	until := now.Add(grace)
	client, err := s.changeClient(ctx, id, func(w *writing, _ db.Client) (db.Client, error) {
		after := map[string]any{"previous_token_until": until}
		if err := w.audit(ctx, audit.ClientRotate, audit.Client(id.String()), nil, after); err != nil {
			return db.Client{}, err
		}
		return w.queries.RotateClientToken(ctx, db.RotateClientTokenParams{
			UUID: id, TokenDigest: secret.Digest(token), TokenSealed: s.secret.Seal(token, id[:]),
			PreviousTokenUntil: until, UpdatedAt: now,
		})
	})
	if err != nil {
		return stats.Client{}, err
	}
	client.Token = token
	return client, nil
}

// changeClient calls fn with the client that has this UUID, and audits and announces the
// change that fn makes.
func (s ClientStore) changeClient(ctx context.Context, id uuid.UUID, fn func(w *writing, before db.Client) (db.Client, error)) (stats.Client, error) {
	return s.changeClientUnder(ctx, db.LockShared, id, fn)
}

func (s ClientStore) changeClientUnder(ctx context.Context, lock string, id uuid.UUID, fn func(w *writing, before db.Client) (db.Client, error)) (stats.Client, error) {
	var changed db.Client
	err := s.transactLocked(ctx, lock, nil, func(w *writing) error {
		w.changed[ChangeClients] = true
		before, err := w.queries.ClientToChange(ctx, id)
		if err != nil {
			return err
		}
		if changed, err = fn(w, before); err != nil {
			return err
		}
		return w.auditChange(ctx, before, changed)
	})
	if err != nil {
		return stats.Client{}, fmt.Errorf("client %s: %w", id, translate(ctx, err))
	}
	return clientOf(changed), nil
}

// recount moves the stats of a client from the rollups in which they counted before to
// those in which they count now. The caller must lock out other writers.
func (w *writing) recount(ctx context.Context, before, after db.Client) error {
	from, to := counting{before.Local, before.IsProcessed}, counting{after.Local, after.IsProcessed}
	if from == to || !from.processed && !to.processed {
		return nil
	}
	rows, err := w.conn.Query(ctx, db.ObservationsOfClient, before.ID)
	if err != nil {
		return err
	}
	var t stats.Type
	return eachDocument(rows, []any{&t}, func(days []rollup.Day, packed []byte) {
		for _, day := range days {
			w.clients[before.ID] = from
			w.count(before.ID, t, day, packed, -1)
			w.clients[before.ID] = to
			w.count(before.ID, t, day, packed, 1)
		}
	})
}

// DeleteClient deletes the client with all its stats, or nothing, and returns the number
// of deleted stats. Stats that the client posts meanwhile are refused.
func (s ClientStore) DeleteClient(ctx context.Context, id uuid.UUID) (deleted int64, err error) {
	err = s.transact(ctx, func(w *writing) error {
		client, err := w.queries.LockClient(ctx, id)
		if err != nil {
			return err
		}
		deleted, err = w.deleteAllOf(ctx, client.ID)
		if err != nil {
			return err
		}
		w.changed[ChangeClients] = true
		fields := clientFields(client)
		fields["stats"] = deleted
		if err := w.audit(ctx, audit.ClientDelete, audit.Client(id.String()), fields, nil); err != nil {
			return err
		}
		return w.queries.DeleteClient(ctx, client.ID)
	})
	if err != nil {
		return 0, fmt.Errorf("delete client %s: %w", id, translate(ctx, err))
	}
	return deleted, nil
}

// deleteAllOf deletes the stats of a client batch by batch.
func (w *writing) deleteAllOf(ctx context.Context, clientID int64) (deleted int64, err error) {
	for {
		next, err := w.queries.NextStatsOfClient(ctx, db.NextStatsOfClientParams{ClientID: clientID, MaxRows: deletionBatch})
		if err != nil || len(next) == 0 {
			return deleted, err
		}
		n, err := w.deleteStats(ctx, statKeys(next))
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
}
