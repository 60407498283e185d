package dashboard

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// reading is what building the figures of one request needs.
type reading struct {
	locale
	ctx   context.Context
	view  view
	store *postgres.Store
	guard guard
	opts  *PageOptions
}

// sums returns the daily sums of a type in a period as far as the public may see
// them. Figures are about the groups of days of that grouping.
func (r *reading) sums(t processor.Type, v view, grouping string) ([]processor.DailySum, error) {
	return r.guard.sums(r.ctx, v.filter(t), grouping)
}

// objectLink is the page of an object on the MOSP platform.
func (r *reading) objectLink(object string) string {
	if r.opts.MOSPURL == "" {
		return ""
	}
	return r.opts.MOSPURL + "/object/" + object
}

// guard keeps figures back that too few clients stand behind: the public could
// tell from them what a single client has sent.
type guard struct {
	store      *postgres.Store
	answers    *answer.Cache
	minClients int
}

// active tells whether figures are kept back at all.
func (g guard) active() bool { return g.minClients > 1 }

// sums returns the daily sums that filter asks for, without those of figures
// that too few clients stand behind. A figure is about one key in one group of
// days.
func (g guard) sums(ctx context.Context, filter stats.Filter, grouping string) ([]processor.DailySum, error) {
	sums, err := g.store.DailySums(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read %s figures: %w", filter.Type, err)
	}
	if !g.active() || len(sums) == 0 {
		return sums, nil
	}
	backed, err := g.backed(ctx, filter, grouping)
	if err != nil {
		return nil, fmt.Errorf("read %s figures: %w", filter.Type, err)
	}
	start, kept := startOf(grouping), sums[:0]
	for _, sum := range sums {
		if backed[figure{start(sum.Date).Format(time.DateOnly), standsFor(filter.Type, sum.Key)}] {
			kept = append(kept, sum)
		}
	}
	return kept, nil
}

// figure is about a key in the group of days that starts on a day.
type figure struct {
	Start string        `json:"start"`
	Key   processor.Key `json:"key"`
}

// backed tells the figures that enough clients stand behind. Finding out takes
// reading all stats of the period, and many pages ask the same, so that it is
// kept until one of these stats changes.
func (g guard) backed(ctx context.Context, filter stats.Filter, grouping string) (map[figure]bool, error) {
	key := answer.KeyOf("backed", string(filter.Type), filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), grouping, strconv.Itoa(g.minClients))
	encoded, err := g.answers.Do(ctx, key, topicsOf(filter.Type), func(ctx context.Context) ([]byte, error) {
		counts, err := g.store.ClientsBehind(ctx, filter, g.minClients, startOf(grouping))
		if err != nil {
			return nil, err
		}
		var figures []figure
		for counted, clients := range counts {
			if clients >= g.minClients {
				figures = append(figures, figure{counted.Start.Format(time.DateOnly), counted.Key})
			}
		}
		return json.Marshal(figures)
	})
	if err != nil {
		return nil, err
	}
	var figures []figure
	if err := json.Unmarshal(encoded.Body(), &figures); err != nil {
		return nil, fmt.Errorf("read kept figures: %w", err)
	}
	backed := make(map[figure]bool, len(figures))
	for _, f := range figures {
		backed[f] = true
	}
	return backed, nil
}

// groupingOf tells what groups of days the figures of a processor are about.
func groupingOf(p processor.Processor) string {
	if strings.HasSuffix(p.Name, "_on_date") {
		return groupDay
	}
	return groupAll
}

// standsFor is the key whose clients stand behind the figure of a key. A cell of
// a map of risks is a mean over all maps, also those that have no risk there.
func standsFor(t processor.Type, key processor.Key) processor.Key {
	if t == processor.Cartography {
		return processor.Key{State: key.State, Kind: key.Kind}
	}
	return key
}

// contributions counts what stands behind the figures of a period.
func (r *reading) contributions(v view) (postgres.Contributions, error) {
	filter := v.filter("")
	key := answer.KeyOf("contributions", filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly))
	return r.counted(key, func(ctx context.Context) (postgres.Contributions, error) {
		return r.store.Contributions(ctx, filter)
	})
}

// totals counts what there is at all.
func (r *reading) totals() (postgres.Contributions, error) {
	return r.counted(answer.KeyOf("totals"), r.store.Totals)
}

// counted returns what count counts, or what it has counted before: many pages
// have the same numbers, each of which is a walk over all stats that it is of.
func (r *reading) counted(key answer.Key, count func(context.Context) (postgres.Contributions, error)) (postgres.Contributions, error) {
	encoded, err := r.opts.Answers.Do(r.ctx, key, topicsOf(processor.Types()...), func(ctx context.Context) ([]byte, error) {
		counted, err := count(ctx)
		if err != nil {
			return nil, fmt.Errorf("read contributions: %w", err)
		}
		return json.Marshal(counted)
	})
	if err != nil {
		return postgres.Contributions{}, err
	}
	var counted postgres.Contributions
	if err := json.Unmarshal(encoded.Body(), &counted); err != nil {
		return postgres.Contributions{}, fmt.Errorf("read kept contributions: %w", err)
	}
	if r.guard.active() && counted.Clients < int64(r.guard.minClients) {
		return postgres.Contributions{}, nil
	}
	return counted, nil
}

// processed runs a processor that is known to have results of type T.
func processed[T any](name string, sums []processor.DailySum) (T, error) {
	chosen, err := processor.Choose(name, "")
	if err != nil {
		var none T
		return none, err
	}
	result, ok := chosen.Process(sums, nil).(T)
	if !ok {
		return result, fmt.Errorf("%s has results of another type than %T", name, result)
	}
	return result, nil
}
