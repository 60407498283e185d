// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// pageBytes is the target size of a page of unsent stats, and pageRows the maximum
	// number of its rows. The first page is small: the size of rows is unknown.
	pageBytes     = 4 << 20
	pageRows      = 1_000
	firstPageRows = 50
)

// PeerID returns the id of the peer with this address, and stores the peer if it is
// new. The caller normalizes addresses.
func (s PeerStore) PeerID(ctx context.Context, url string) (int64, error) {
	id, err := s.FindPeer(ctx, url)
	if !errors.Is(err, stats.ErrNotFound) {
		return id, err
	}
	if err := s.queries.InsertPeer(ctx, db.InsertPeerParams{Url: url, CreatedAt: s.timestamp()}); err != nil {
		return 0, fmt.Errorf("store peer %s: %w", url, translate(ctx, err))
	}
	return s.FindPeer(ctx, url)
}

// FindPeer returns the id of a peer without storing it: the error for an unknown peer
// is stats.ErrNotFound.
func (s PeerStore) FindPeer(ctx context.Context, url string) (int64, error) {
	id, err := s.queries.PeerIDByURL(ctx, url)
	if err != nil {
		return 0, fmt.Errorf("find peer %s: %w", url, translate(ctx, err))
	}
	return id, nil
}

// UnsentQuery selects the stats for EachUnsent: those of one client in a range of days
// that a peer is not known to hold.
type UnsentQuery struct {
	PeerID   int64 // 0: a peer that holds nothing
	ClientID int64
	Type     stats.Type // empty: every type
	From, To time.Time  // both included
	Resend   bool       // also what the peer is known to hold
}

func (q UnsentQuery) peerID() int64 {
	if q.Resend {
		return 0 // no peer has this id, and so no receipts
	}
	return q.PeerID
}

// EachUnsent calls fn with the stats that match query, by date, then by UUID. It stops
// at the first error of fn, and returns it unchanged.
//
// It reads pages of a bounded size in bytes. It uses no connection while fn runs, which
// may be slow and use the Store. It may or may not visit what is stored or recorded as
// sent meanwhile. fn may keep Stat.Data.
func (s PeerStore) EachUnsent(ctx context.Context, query UnsentQuery, fn func(stats.Stat) error) error {
	for from := query.From; ; {
		day, err := s.queries.NextUnsentDay(ctx, db.NextUnsentDayParams{
			ClientID: query.ClientID, DateFrom: from, DateTo: query.To,
			Type: typeFilter(query.Type), PeerID: query.peerID(),
		})
		if err := translate(ctx, err); errors.Is(err, stats.ErrNotFound) {
			return nil
		} else if err != nil {
			return fmt.Errorf("find unsent stats: %w", err)
		}
		if err := s.eachUnsentOfDay(ctx, query, day, fn); err != nil {
			return err
		}
		from = day.AddDate(0, 0, 1)
	}
}

func (s *shared) eachUnsentOfDay(ctx context.Context, query UnsentQuery, day time.Time, fn func(stats.Stat) error) error {
	params := db.UnsentOfDayParams{
		ClientID: query.ClientID, Day: day, Type: typeFilter(query.Type),
		PeerID: query.peerID(), MaxRows: firstPageRows,
	}
	for {
		page, err := s.queries.UnsentOfDay(ctx, params)
		if err != nil {
			return fmt.Errorf("read unsent stats of %s: %w", day.Format(time.DateOnly), translate(ctx, err))
		}
		for i := range page {
			if err := fn(unsentStat(&page[i])); err != nil {
				return err
			}
		}
		if int64(len(page)) < params.MaxRows {
			return nil
		}
		params.After = page[len(page)-1].UUID
		params.MaxRows = nextPageRows(page)
	}
}

func unsentStat(row *db.UnsentOfDayRow) stats.Stat {
	return stats.Stat{
		UUID: row.UUID, ANR: row.ANR, Type: stats.Type(row.Type), Date: row.Date, Data: row.Data,
		ClientID: row.ClientID, CreatedAt: row.CreatedAt.UTC(),
	}
}

// nextPageRows estimates the rows of the next page from the size of those of the last
// one.
func nextPageRows(last []db.UnsentOfDayRow) int64 {
	size := 1
	for i := range last {
		size += len(last[i].Data)
	}
	return int64(min(max(pageBytes*len(last)/size, 1), pageRows))
}

// CountUnsent returns how many stats EachUnsent would visit.
func (s PeerStore) CountUnsent(ctx context.Context, query UnsentQuery) (int64, error) {
	n, err := s.queries.CountUnsent(ctx, db.CountUnsentParams{
		ClientID: query.ClientID, DateFrom: query.From, DateTo: query.To,
		Type: typeFilter(query.Type), PeerID: query.peerID(),
	})
	if err != nil {
		return 0, fmt.Errorf("count unsent stats: %w", translate(ctx, err))
	}
	return n, nil
}

// RecordReceipts records that the peer holds the stats with these UUIDs. It ignores
// stats that are not stored here.
func (s PeerStore) RecordReceipts(ctx context.Context, peerID int64, uuids []uuid.UUID) error {
	err := s.transact(ctx, func(w *writing) error {
		return w.queries.RecordReceipts(ctx, db.RecordReceiptsParams{PeerID: peerID, UUIDs: uuids})
	})
	if err != nil {
		return fmt.Errorf("record what peer %d holds: %w", peerID, translate(ctx, err))
	}
	return nil
}

// PullKey identifies a pull position.
type PullKey struct {
	PeerID   int64
	ClientID int64 // the local client that owns what is pulled
	// PeerClient identifies the client of the peer whose token the pull uses: it decides
	// which stats the pull sees. The store does not interpret it.
	PeerClient string
	Type       stats.Type
}

// PullPosition returns the last day up to which everything was pulled, or
// stats.ErrNotFound.
func (s PeerStore) PullPosition(ctx context.Context, key PullKey) (time.Time, error) {
	day, err := s.queries.PullPositionDay(ctx, db.PullPositionDayParams{
		PeerID: key.PeerID, ClientID: key.ClientID, PeerClient: key.PeerClient, Type: string(key.Type),
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("read how far %s stats were pulled: %w", key.Type, translate(ctx, err))
	}
	return day, nil
}

// SetPullPosition advances the position to day. It never moves back.
func (s PeerStore) SetPullPosition(ctx context.Context, key PullKey, day time.Time) error {
	err := s.queries.SetPullPosition(ctx, db.SetPullPositionParams{
		PeerID: key.PeerID, ClientID: key.ClientID, PeerClient: key.PeerClient, Type: string(key.Type), Day: day,
	})
	if err != nil {
		return fmt.Errorf("record how far %s stats were pulled: %w", key.Type, translate(ctx, err))
	}
	return nil
}

// CountStored returns how many of these UUIDs belong to a stored stat.
func (s PeerStore) CountStored(ctx context.Context, uuids []uuid.UUID) (int64, error) {
	taken, err := s.queries.TakenUUIDs(ctx, uuids)
	if err != nil {
		return 0, fmt.Errorf("look up %d stats: %w", len(uuids), translate(ctx, err))
	}
	return int64(len(taken)), nil
}
