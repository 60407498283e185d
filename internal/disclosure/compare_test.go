// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// circle has the organisations that compare their figures.
type circle struct {
	t     *testing.T
	store *postgres.Store
}

func newCircle(t *testing.T) circle {
	t.Helper()
	return circle{t, servicetest.Open(t, postgres.Options{MaxConns: 4})}
}

func (c circle) join(name string, local bool) stats.Client {
	c.t.Helper()
	return servicetest.CreateClient(c.t, c.store, stats.Client{Name: name, Role: stats.RoleUser, Local: local, IsActive: true})
}

func (c circle) send(client stats.Client, analysis uuid.UUID, of stats.Type, date time.Time, data string) {
	c.t.Helper()
	servicetest.Insert(c.t, c.store, client, stats.Stat{ANR: analysis, Type: of, Date: date, Data: []byte(data)})
}

// burns sends a threat stat of fire with this rate.
func (c circle) burns(client stats.Client, analysis uuid.UUID, date time.Time, rate float64) {
	c.t.Helper()
	c.send(client, analysis, stats.Threat, date, fmt.Sprintf(`[{"uuid":%q,"label2":"Fire","count":1,"maxRisk":10,"averageRate":%v}]`, fire, rate))
}

func (c circle) control(minClients int) *disclosure.Control {
	return disclosure.New(disclosure.Options{
		Store: c.store.SumStore, Cache: cache.New(cache.Options{MaxBytes: 1 << 20, Now: noon}), Now: noon, Location: time.UTC,
		MinClients: minClients, MinAnalyses: 3,
	})
}

// compare returns the comparison of a client over all weeks.
func (c circle) compare(of *disclosure.Control, t stats.Type, whose disclosure.Owner, localOnly bool) disclosure.Comparison {
	c.t.Helper()
	filter := stats.Filter{Type: t, DateFrom: weeksOfWorld[0], DateTo: noon().Truncate(24 * time.Hour), LocalStatsOnly: localOnly}
	comparison, err := of.Compare(c.t.Context(), filter, whose)
	if err != nil {
		c.t.Fatal(err)
	}
	return comparison
}

// one returns the only figure of a comparison.
func (c circle) one(comparison disclosure.Comparison) disclosure.Compared {
	c.t.Helper()
	if len(comparison.Figures) != 1 {
		c.t.Fatalf("%d figures, want one: %+v", len(comparison.Figures), comparison)
	}
	return comparison.Figures[0]
}

// TestOwnMeansBesideThoseOfAll checks figures that were computed by hand, without suppression: a client with
// two analyses, another local client, and four that are not local.
func TestOwnMeansBesideThoseOfAll(t *testing.T) {
	t.Parallel()
	c := newCircle(t)
	me, first, second := c.join("Me", true), uuid.New(), uuid.New()
	c.burns(me, first, weeksOfWorld[2], 1)
	c.burns(me, first, weeksOfWorld[3], 3)
	c.burns(me, second, weeksOfWorld[3], 4)
	neighbour := c.join("Neighbour", true)
	c.burns(neighbour, uuid.New(), weeksOfWorld[3], 1)
	c.burns(neighbour, first, weeksOfWorld[3], 0) // an analysis of the same UUID
	for rate := range 4 {
		c.burns(c.join(fmt.Sprint("Client ", rate), false), uuid.New(), weeksOfWorld[3], float64(rate))
	}
	labels := stats.Labels{"", "Fire", "", ""}
	in := func(b disclosure.Band) disclosure.Position { return disclosure.Position{Band: b} }
	alike := disclosure.Position{Unranked: disclosure.AllAlike}
	few := disclosure.Position{Unranked: disclosure.FewOrganisations}
	tests := map[string]struct {
		whose     disclosure.Owner
		localOnly bool
		want      disclosure.Compared
	}{
		// Means of days: own 1 and 3.5, everybody's 1 and (3+4+1+0+0+1+2+3)/8. Means of the
		// others: 0, 0.5, 1, 2 and 3, with limits of 0.25, 0.75 and 1.5; the own mean over all
		// stats is 8/3.
		"all of mine": {disclosure.Owner{ClientID: me.ID}, false, disclosure.Compared{
			Own: [3]float64{1, 10, 2.25}, All: &[3]float64{1, 10, 1.375},
			Contributors: disclosure.Contributors{Analyses: 7, Clients: 6},
			Positions:    [3]disclosure.Position{alike, alike, in(disclosure.Highest)},
		}},
		"one analysis": {disclosure.Owner{ClientID: me.ID, ANRs: []uuid.UUID{first}}, false, disclosure.Compared{
			Own: [3]float64{1, 10, 2}, All: &[3]float64{1, 10, 1.375},
			Contributors: disclosure.Contributors{Analyses: 7, Clients: 6},
			Positions:    [3]disclosure.Position{alike, alike, in(disclosure.Highest)},
		}},
		"with local ones": {disclosure.Owner{ClientID: me.ID}, true, disclosure.Compared{
			Own: [3]float64{1, 10, 2.25}, All: &[3]float64{1, 10, 1.5},
			Contributors: disclosure.Contributors{Analyses: 3, Clients: 2},
			Positions:    [3]disclosure.Position{few, few, few},
		}},
		"of the neighbour": {disclosure.Owner{ClientID: neighbour.ID}, false, disclosure.Compared{
			Own: [3]float64{1, 10, 0.5}, All: &[3]float64{1, 10, 1.375},
			Contributors: disclosure.Contributors{Analyses: 7, Clients: 6},
			// Limits of 0, 1, 2, 8/3 and 3: 0.5, 1.5 and 7/3.
			Positions: [3]disclosure.Position{alike, alike, in(disclosure.Lowest)},
		}},
	}
	for name, tt := range tests {
		tt.want.Key, tt.want.Labels = stats.Key{Object: fire}, labels
		for _, control := range []*disclosure.Control{c.control(0), c.control(1)} {
			if diff := cmp.Diff(tt.want, c.one(c.compare(control, stats.Threat, tt.whose, tt.localOnly))); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	}
	for name, whose := range map[string]disclosure.Owner{
		"an analysis of others": {ClientID: me.ID, ANRs: []uuid.UUID{uuid.New()}},
		"one who sent nothing":  {ClientID: c.join("New", true).ID},
		"nobody":                {ClientID: 1 << 40},
	} {
		if got := c.compare(c.control(1), stats.Threat, whose, false); len(got.Figures) > 0 {
			t.Errorf("%s has %+v", name, got.Figures)
		}
	}
	if _, err := c.store.UpdateClient(t.Context(), me.UUID, postgres.ClientChange{Processed: new(bool)}); err != nil {
		t.Fatal(err)
	}
	if got := c.compare(c.control(1), stats.Threat, disclosure.Owner{ClientID: me.ID}, false); len(got.Figures) > 0 {
		t.Errorf("one who is muted has %+v", got.Figures)
	}
}

// TestCompareTypes compares the other types: the shown figures are those of the processors.
func TestCompareTypes(t *testing.T) {
	t.Parallel()
	c := newCircle(t)
	me := c.join("Me", true)
	for i, client := range []stats.Client{me, c.join("Second", true), c.join("Third", true)} {
		analysis, day := uuid.New(), weeksOfWorld[3]
		c.send(client, analysis, stats.Risk, day, fmt.Sprintf(`{"risks":{"current":{"informational":[{"level":"High risks","value":%d}]}}}`, 3*i))
		c.send(client, analysis, stats.Cartography, day, fmt.Sprintf(`{"scales":[],"risks":{"current":{"informational":{"3":{"9":%d}}}}}`, i+1))
		c.send(client, analysis, stats.Compliance, day, fmt.Sprintf(`[{"referential":%q,"label2":"ISO","current":[{"label2":"Policies","value":"0.%d"}],"target":[]}]`, flood, 2*i+1))
	}
	risks := stats.Key{State: stats.Current, Kind: stats.Informational}
	few := disclosure.Position{Unranked: disclosure.FewOrganisations}
	cell := disclosure.Position{Unranked: disclosure.SingleCell}
	all := disclosure.Contributors{Analyses: 3, Clients: 3}
	high, nine := risks, risks
	high.Level, nine.Impact, nine.Likelihood = stats.HighRisks, "3", "9"
	for of, want := range map[stats.Type]disclosure.Compared{
		stats.Risk:        {Key: high, Own: [3]float64{0}, All: &[3]float64{3}, Contributors: all, Positions: [3]disclosure.Position{few, few, few}},
		stats.Cartography: {Key: nine, Own: [3]float64{1}, All: &[3]float64{2}, Contributors: all, Positions: [3]disclosure.Position{cell, cell, cell}},
		stats.Compliance: {
			Key: stats.Key{Object: flood, State: stats.Current, Category: "Policies"}, Labels: stats.Labels{"", "Policies", "", ""}, Referential: stats.Labels{"", "ISO", "", ""},
			Own: [3]float64{0.1}, All: &[3]float64{0.3}, Contributors: all, Positions: [3]disclosure.Position{few, few, few},
		},
	} {
		compared := c.compare(c.control(1), of, disclosure.Owner{ClientID: me.ID}, false)
		compared.Figures = slices.DeleteFunc(compared.Figures, func(f disclosure.Compared) bool { // levels that were not sent are 0
			return of == stats.Risk && f.Key != high
		})
		if diff := cmp.Diff(want, c.one(compared)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", of, diff)
		}
	}
}

// TestCompareSuppressed compares with 9 to 17 others at a threshold of 3. Bands are those
// of the last complete week, and need 12 others or at least 15.
func TestCompareSuppressed(t *testing.T) {
	t.Parallel()
	c := newCircle(t)
	me := c.join("Me", true)
	last := weeksOfWorld[4] // the last complete one
	mine := disclosure.Owner{ClientID: me.ID}
	few, recent := disclosure.Position{Unranked: disclosure.FewOrganisations}, disclosure.Position{Unranked: disclosure.NothingRecent}
	for i := range 11 {
		c.burns(c.join(fmt.Sprint("Client ", i), true), uuid.New(), last, float64(i))
	}
	c.burns(me, uuid.New(), weeksOfWorld[1], 20)
	got := c.one(c.compare(c.control(3), stats.Threat, mine, false))
	// A week in which only this client sent stats has no public figure.
	if got.Own[2] != 20 || got.All == nil || got.All[2] != 5 || got.Positions[2] != recent || got.Analyses != 11 {
		t.Errorf("without anything of one's own in the last week: %+v", got)
	}
	c.burns(me, uuid.New(), last.AddDate(0, 0, 6), 4.5)
	for others := 11; others <= 17; others++ {
		comparison := c.compare(c.control(3), stats.Threat, mine, false)
		want := few
		if others == 12 || others >= 15 {
			want = disclosure.Position{Band: disclosure.LowerMiddle} // of 0 to others - 1
		}
		if got := c.one(comparison); got.Positions[2] != want || !comparison.RankedFrom.Equal(last) || !comparison.To.Equal(last.AddDate(0, 0, 6)) {
			t.Errorf("%d others: %+v, want %+v", others, comparison, want)
		}
		c.burns(c.join(fmt.Sprint("Client ", others), true), uuid.New(), last, float64(others))
	}
	// There are bands among local clients only while all clients are local.
	if got := c.one(c.compare(c.control(3), stats.Threat, mine, true)); got.Positions[2].Band == "" {
		t.Errorf("all are local: %+v", got)
	}
	for i := range 3 {
		c.burns(c.join(fmt.Sprint("Other ", i), false), uuid.New(), last, 30)
	}
	if got := c.one(c.compare(c.control(3), stats.Threat, mine, true)); got.All == nil || got.Positions[2] != few {
		t.Errorf("three are not local: %+v", got)
	}
	if got := c.one(c.compare(c.control(3), stats.Threat, mine, false)); got.Positions[2].Band == "" {
		t.Errorf("among all: %+v", got)
	}
	// A figure that nobody else has cannot be compared.
	alone := c.join("Alone", true)
	c.send(alone, uuid.New(), stats.Vulnerability, last, fmt.Sprintf(`[{"uuid":%q,"count":1,"maxRisk":1,"averageRate":1}]`, flood))
	if got := c.one(c.compare(c.control(3), stats.Vulnerability, disclosure.Owner{ClientID: alone.ID}, false)); got.All != nil || got.Contributors != (disclosure.Contributors{}) || got.Positions[0] != few {
		t.Errorf("what nobody else has: %+v", got)
	}
}
