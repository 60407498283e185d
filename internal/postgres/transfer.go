// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/monarc-project/stats-service/gen/db"
)

// TransferOutcomes are the outcomes of pushes and pulls.
var TransferOutcomes = []string{TransferDone, TransferPartly, TransferFailed}

// The outcomes of pushes and pulls, as stored.
const (
	TransferDone   = "done"
	TransferPartly = "partly"
	TransferFailed = "failed"
)

// Transfer sums up the pushes or pulls with the same outcome.
type Transfer struct {
	Direction string // "push" or "pull"
	Outcome   string // one of TransferOutcomes
	Runs      int64
	Stats     int64 // sent or received
	LastAt    time.Time
}

// RecordTransfer records the outcome of a push or a pull for monitoring.
func (s PeerStore) RecordTransfer(ctx context.Context, direction, outcome string, stats int64) error {
	err := s.queries.RecordTransfer(ctx, db.RecordTransferParams{Direction: direction, Outcome: outcome, Stats: stats, At: s.timestamp()})
	if err != nil {
		return fmt.Errorf("record the result of the %s: %w", direction, translate(ctx, err))
	}
	return nil
}

// Transfers returns the outcomes of all pushes and pulls.
func (s PeerStore) Transfers(ctx context.Context) ([]Transfer, error) {
	rows, err := s.queries.Transfers(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the results of pushes and pulls: %w", translate(ctx, err))
	}
	transfers := make([]Transfer, len(rows))
	for i, row := range rows {
		transfers[i] = Transfer(row)
	}
	return transfers, nil
}
