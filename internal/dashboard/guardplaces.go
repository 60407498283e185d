package dashboard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// spots are the active clients by where they are published to be. Where few are
// protected, places of few are left out, and those of others than local clients
// are there whatever is asked for: they decide about what may be shown. Weeks in
// which few of a place sent something are left out later.
func (g guard) spots(ctx context.Context, localOnly bool, publish func(float64) float64) (map[spot][]int64, error) {
	located, err := g.store.LocatedClients(ctx, localOnly && !g.active())
	if err != nil {
		return nil, err
	}
	spots := map[spot][]int64{}
	for _, c := range located {
		at := spot{publish(c.Latitude), publish(c.Longitude)}
		spots[at] = append(spots[at], c.ID)
	}
	maps.DeleteFunc(spots, func(_ spot, ids []int64) bool { return len(ids) < g.minClients })
	return spots, nil
}

// placeSums are what clients at a place sent, and how many of them did: at all in
// the period or, where few are protected, in its fullest week.
type placeSums struct {
	clients int
	sums    []processor.DailySum
}

// sumsOfPlaces adds up what filter asks for, place by place.
func (g guard) sumsOfPlaces(ctx context.Context, filter stats.Filter, spots map[spot][]int64) (map[spot]placeSums, error) {
	if g.active() {
		return g.shownSumsOfPlaces(ctx, g.limit(filter), spots)
	}
	clients, err := g.store.SumsByClient(ctx, filter, slices.Concat(slices.Collect(maps.Values(spots))...))
	if err != nil {
		return nil, err
	}
	byClient := make(map[int64][]processor.DailySum, len(clients))
	for _, c := range clients {
		byClient[c.ClientID] = c.Sums
	}
	places := make(map[spot]placeSums, len(spots))
	for at, ids := range spots {
		var p placeSums
		for _, id := range ids {
			if sums, sent := byClient[id]; sent {
				p.clients++
				p.sums = append(p.sums, sums...)
			}
		}
		places[at] = p
	}
	return places, nil
}

func (g guard) shownSumsOfPlaces(ctx context.Context, filter stats.Filter, spots map[spot][]int64) (map[spot]placeSums, error) {
	places := make(map[spot]placeSums, len(spots))
	for at, ids := range spots {
		behind, err := g.store.ClientsBehind(ctx, wholeOf(filter), ids, g.minClients, weekOf)
		if err != nil {
			return nil, fmt.Errorf("read %s figures of a place: %w", filter.Type, err)
		}
		sums, err := g.store.SumsOfClients(ctx, filter, ids, weekOf)
		if err != nil {
			return nil, fmt.Errorf("read %s figures of a place: %w", filter.Type, err)
		}
		places[at] = placeSums{
			clients: g.fullestWeek(behind, filter.LocalStatsOnly),
			sums:    g.choose(filter.Type, behind).only(sums, filter.LocalStatsOnly),
		}
	}
	return places, nil
}

// wholeOf is the filter for all clients: what may be shown of the local ones
// depends on the others.
func wholeOf(filter stats.Filter) stats.Filter {
	filter.LocalStatsOnly = false
	return filter
}

// fullestWeek is the most clients that sent stats in a week in which their number
// may be shown.
func (g guard) fullestWeek(behind postgres.Behind, localOnly bool) int {
	most := 0
	for _, senders := range behind.Senders {
		shown, n := g.enoughClients(senders), len(senders.Local)
		if !localOnly {
			n += len(senders.Others)
		}
		if shown.all && (shown.local || !localOnly) {
			most = max(most, n)
		}
	}
	return most
}
