// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Place is the location of clients, in degrees of the published precision.
type Place struct{ Latitude, Longitude float64 }

// Places has the ids of the clients at each place.
type Places map[Place][]int64

// Places returns the active clients by their published place; publish rounds a
// coordinate. Where figures are suppressed, it leaves out places with too few clients,
// and includes clients that are not local even if localOnly is set: what may be shown
// depends on them.
func (c *Control) Places(ctx context.Context, localOnly bool, publish func(degrees float64) float64) (Places, error) {
	located, err := c.store.LocatedClients(ctx, localOnly && !c.Active())
	if err != nil {
		return nil, err
	}
	places := Places{}
	for _, client := range located {
		at := Place{publish(client.Latitude), publish(client.Longitude)}
		places[at] = append(places[at], client.ID)
	}
	maps.DeleteFunc(places, func(_ Place, ids []int64) bool { return c.threshold.identifies(len(ids)) })
	return places, nil
}

// PlaceSums has the sums of the stats from a place, the number of clients that sent them,
// and the number of analyses behind each key. Where figures are suppressed, the numbers
// are those of the week with the most.
type PlaceSums struct {
	Clients  int
	Sums     []processor.DailySum
	Analyses map[stats.Key]int
}

// SumsByPlace adds up the stats that filter selects by place. The type and both dates
// of filter are required; its ANRs must be empty.
func (c *Control) SumsByPlace(ctx context.Context, filter stats.Filter, places Places) (map[Place]PlaceSums, error) {
	if c.Active() {
		return c.disclosedByPlace(ctx, c.limit(filter), places)
	}
	if len(places) == 0 {
		return nil, nil
	}
	clients, err := c.store.SumsByClient(ctx, filter, slices.Concat(slices.Collect(maps.Values(places))...))
	if err != nil {
		return nil, err
	}
	byClient := make(map[int64]postgres.ClientSums, len(clients))
	for _, client := range clients {
		byClient[client.ClientID] = client
	}
	result := make(map[Place]PlaceSums, len(places))
	for at, ids := range places {
		p := PlaceSums{Analyses: map[stats.Key]int{}}
		for _, id := range ids {
			if client, sent := byClient[id]; sent {
				p.Clients++
				p.Sums = append(p.Sums, client.Sums...)
				for key, analyses := range client.Analyses {
					p.Analyses[key] += analyses
				}
			}
		}
		result[at] = p
	}
	return result, nil
}

func (c *Control) disclosedByPlace(ctx context.Context, filter stats.Filter, places Places) (map[Place]PlaceSums, error) {
	result := make(map[Place]PlaceSums, len(places))
	for at, ids := range places {
		behind, err := c.store.ClientsBehind(ctx, ofAllClients(filter), ids, c.MinClients(), monday)
		if err != nil {
			return nil, fmt.Errorf("read %s figures of a place: %w", filter.Type, err)
		}
		sums, analyses, err := c.store.SumsOfClients(ctx, filter, ids, monday)
		if err != nil {
			return nil, fmt.Errorf("read %s figures of a place: %w", filter.Type, err)
		}
		p := PlaceSums{
			Clients:  c.threshold.mostSenders(behind, filter.LocalStatsOnly),
			Sums:     c.threshold.disclose(filter.Type, behind).only(sums, filter.LocalStatsOnly),
			Analyses: map[stats.Key]int{},
		}
		for _, sum := range p.Sums {
			p.Analyses[sum.Key] = max(p.Analyses[sum.Key], analyses[rollup.DayOf(sum.Date)][sum.Key])
		}
		result[at] = p
	}
	return result, nil
}

// mostSenders returns the highest number of clients that sent stats in one week, among
// the weeks whose number may be shown.
func (k threshold) mostSenders(behind postgres.Behind, localOnly bool) int {
	most := 0
	for _, senders := range behind.Senders {
		visible, n := k.primaryOf(senders), len(senders.Local)
		if !localOnly {
			n += len(senders.Others)
		}
		if visible.all && (visible.local || !localOnly) {
			most = max(most, n)
		}
	}
	return most
}
