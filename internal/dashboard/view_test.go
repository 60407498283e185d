// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var march = time.Date(2026, time.March, 15, 0, 0, 0, 0, time.UTC)

// TestViewInAddress shows that an address says all that a view is.
func TestViewInAddress(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"days=90",
		"days=365&local_stats_only=1",
		"from=2025-01-01&to=2025-06-30",
		"by=maximum_risk&days=30&order=lowest&top=15",
		"days=90&group=quarter&invert=1&lang=de&object=14c790a2-ed95-48f0-9827-746415c4aacf&object=current-operational-high&of=risks",
		"chart=map&days=90&embed=1",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseView(values, march, defaultPeriod)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(query, v.query().Encode()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestPeriodOfAnAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ query, from, to, before, until string }{
		"standard":  {"", "2025-12-15", "2026-03-15", "2025-09-15", "2025-12-14"},
		"days":      {"days=30", "2026-02-13", "2026-03-15", "2026-01-13", "2026-02-12"},
		"from, to":  {"from=2026-01-01&to=2026-01-31", "2026-01-01", "2026-01-31", "2025-12-01", "2025-12-31"},
		"from only": {"from=2026-03-01", "2026-03-01", "2026-03-15", "2026-02-14", "2026-02-28"},
		"to only":   {"to=2026-01-31", "2025-11-02", "2026-01-31", "2025-08-03", "2025-11-01"},
		"one day":   {"from=2026-03-15&to=2026-03-15", "2026-03-15", "2026-03-15", "2026-03-14", "2026-03-14"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values, _ := url.ParseQuery(tt.query)
			v, err := parseView(values, march, defaultPeriod)
			if err != nil {
				t.Fatal(err)
			}
			before := v.compared()
			got := []string{}
			for _, date := range []time.Time{v.From, v.To, before.From, before.To} {
				got = append(got, date.Format(time.DateOnly))
			}
			if diff := cmp.Diff([]string{tt.from, tt.to, tt.before, tt.until}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestGroupingKeepsLinesReadable(t *testing.T) {
	t.Parallel()
	tests := []struct{ grouping, date, want string }{
		{groupDay, "2026-03-15", "2026-03-15"},
		{groupWeek, "2026-03-15", "2026-03-09"}, // a Sunday
		{groupWeek, "2026-03-09", "2026-03-09"},
		{groupWeek, "2026-01-01", "2025-12-29"},
		{groupMonth, "2026-03-31", "2026-03-01"},
		{groupQuarter, "2026-03-31", "2026-01-01"},
		{groupQuarter, "2026-12-01", "2026-10-01"},
		{groupYear, "2026-12-31", "2026-01-01"},
	}
	for _, tt := range tests {
		date, err := time.Parse(time.DateOnly, tt.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := startOf(tt.grouping)(date).Format(time.DateOnly); got != tt.want {
			t.Errorf("the %s of %s starts on %s, want %s", tt.grouping, tt.date, got, tt.want)
		}
	}
	for days, want := range map[int]string{7: groupDay, 30: groupDay, 90: groupWeek, 365: groupWeek, 800: groupMonth, 4000: groupQuarter} {
		if got := (view{From: march.AddDate(0, 0, -days), To: march}).grouping(); got != want {
			t.Errorf("%d days are shown by %s, want %s", days, got, want)
		}
	}
}

func TestTrendOfTwoFigures(t *testing.T) {
	t.Parallel()
	r := &requestContext{locale: localeOf(t, "en")}
	n := func(n float64) *float64 { return &n }
	tests := map[string]struct {
		now, before *float64
		want        trend
	}{
		"up":                  {n(12), n(10), trend{Direction: "up", Sign: "+20%", Text: "2 more than before"}},
		"down":                {n(7.5), n(10), trend{Direction: "down", Sign: "−25%", Text: "2.50 fewer than before"}},
		"the same":            {n(10), n(10), trend{Direction: "same", Text: "Same as before"}},
		"hardly":              {n(10.01), n(10), trend{Direction: "same", Text: "Same as before"}},
		"not in digits":       {n(0.103), n(0.1), trend{Direction: "same", Text: "Same as before"}},
		"less than a percent": {n(251), n(250), trend{Direction: "same", Text: "Same as before"}},
		"hardly any":          {n(0.003), n(0), trend{Direction: "same", Text: "Same as before"}},
		"nothing then":        {n(10), nil, trend{Text: "No earlier figures to compare with"}},
		"nothing now":         {nil, n(10), trend{Text: "No earlier figures to compare with"}},
		"from none":           {n(3), n(0), trend{Direction: "up", Text: "3 more, none before"}},
		"none and none":       {n(0), n(0), trend{Direction: "same", Text: "Same as before"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, r.trend(tt.now, tt.before)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWithoutFormula(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "Fire": "Fire", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "＝1": "'＝1", "a=1": "a=1", "été": "été",
	} {
		if got := withoutFormula(given); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}
