package postgres

import (
	"context"

	"github.com/monarc-project/stats-service/internal/stats"
)

// KnownDocuments returns the digests of those documents that are stored.
func (s *Store) KnownDocuments(context.Context, []stats.SentDocument) (map[stats.SentDocument]stats.Digest, error) {
	return nil, nil
}

// InsertBatch stores a batch as that of client, all or none, and returns one
// Result for each item, in their order.
func (s *Store) InsertBatch(ctx context.Context, client stats.Client, batch stats.Batch) ([]stats.Result, error) {
	items := make([]Item, len(batch.Items))
	for i, item := range batch.Items {
		items[i] = Item{
			Stat:         stats.Stat{UUID: item.UUID, ANR: item.ANR, Type: item.Type, Date: item.Date, Data: item.Data},
			Observations: item.Observations,
		}
	}
	outcomes, err := s.InsertStats(ctx, client, items)
	results := make([]stats.Result, len(outcomes))
	for i, outcome := range outcomes {
		results[i] = stats.Result{Stat: outcome.Stat, Status: stats.Repeated}
		switch {
		case outcome.Stored:
			results[i].Status = stats.Stored
		case outcome.Duplicate:
			results[i].Status = stats.Duplicate
		}
	}
	return results, err
}
