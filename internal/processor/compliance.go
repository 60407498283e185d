// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"cmp"
	"slices"

	"github.com/monarc-project/stats-service/internal/stats"
)

// ReferentialCompliance has the compliance with one referential, by category in the
// order of their names.
type ReferentialCompliance struct {
	Referential string               `json:"referential"`
	Labels      LabelSet             `json:"labels"`
	Categories  []CategoryCompliance `json:"categories"`
}

// CategoryCompliance holds the mean current and target values of a category. A value is
// null if no stats have it.
type CategoryCompliance struct {
	Name    string   `json:"-"` // its Category in keys
	Labels  LabelSet `json:"labels"`
	Current *float64 `json:"current"`
	Target  *float64 `json:"target"`
}

// categoryKey identifies a category of a referential; the empty category with named
// false is the referential itself.
type categoryKey struct {
	referential, category string
	named                 bool
}

// categorySums collects the sums of a category or of a referential.
type categorySums struct {
	key             categoryKey
	labels          stats.Labels
	current, target share
}

func (c *categorySums) add(sum *DailySum) {
	if !sum.Labels.Empty() {
		c.labels = sum.Labels
	}
	switch sum.Key.State {
	case stats.Current:
		c.current.add(sum)
	case stats.Residual:
		c.target.add(sum)
	}
}

func complianceAverages(sums []DailySum, _ Params) any {
	collected := make(map[categoryKey]*categorySums)
	for i := range sums {
		k := sums[i].Key
		key := categoryKey{k.Object, k.Category, k.State != ""}
		if collected[key] == nil {
			collected[key] = &categorySums{key: key}
		}
		collected[key].add(&sums[i])
	}
	return referentials(collected)
}

// referentials builds the rows in the order of the referentials' names.
func referentials(collected map[categoryKey]*categorySums) []ReferentialCompliance {
	nameOf := func(referential string) stats.Labels {
		if own := collected[categoryKey{referential: referential}]; own != nil {
			return own.labels
		}
		return stats.Labels{}
	}
	ordered := make([]*categorySums, 0, len(collected))
	for _, c := range collected {
		ordered = append(ordered, c)
	}
	slices.SortFunc(ordered, func(a, b *categorySums) int {
		return cmp.Or(
			cmp.Compare(nameOf(a.key.referential).Name(), nameOf(b.key.referential).Name()),
			cmp.Compare(a.key.referential, b.key.referential),
			cmp.Compare(a.key.category, b.key.category),
		)
	})
	rows := []ReferentialCompliance{}
	for _, c := range ordered {
		if n := len(rows); n == 0 || rows[n-1].Referential != c.key.referential {
			rows = append(rows, ReferentialCompliance{
				Referential: c.key.referential,
				Labels:      labelSet(nameOf(c.key.referential)),
				Categories:  []CategoryCompliance{},
			})
		}
		if c.key.named {
			row := &rows[len(rows)-1]
			row.Categories = append(row.Categories, c.averages())
		}
	}
	return rows
}

func (c *categorySums) averages() CategoryCompliance {
	return CategoryCompliance{
		Name:    c.key.category,
		Labels:  labelSet(c.labels),
		Current: c.current.meanOrNil(),
		Target:  c.target.meanOrNil(),
	}
}

func (s share) meanOrNil() *float64 {
	if s.n == 0 {
		return nil
	}
	mean := s.mean()
	return &mean
}
