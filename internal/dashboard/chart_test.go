package dashboard

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSeriesJSON(t *testing.T) {
	t.Parallel()
	values := func(numbers ...float64) []*float64 {
		all := make([]*float64, len(numbers))
		for i := range numbers {
			if numbers[i] >= 0 {
				all[i] = &numbers[i]
			}
		}
		return all
	}
	const unknown = -1
	tests := map[string]struct {
		series series
		want   string
	}{
		"as they are": {series{Name: "A", Values: values(1.5, unknown, 2)}, `{"name":"A","values":[1.5,null,2]}`},
		"steps":       {series{Name: "A", Code: "mean", Values: values(unknown, 2.8104, 2.8, unknown, 3), Unit: 1e-3}, `{"name":"A","code":"mean","unit":0.001,"steps":[null,2810,-10,null,200]}`},
		"nothing":     {series{Name: "A", Values: values(unknown, unknown), Unit: 1e-3}, `{"name":"A","unit":0.001,"steps":[null,null]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(tt.series)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for highest, want := range map[float64]float64{0: 2e-3, 500: 2e-3, 1: 2e-3, 0.5: 2e-4, 0.004: 2e-6} {
		if got := unitOf(values(0, unknown, highest)); got/want < 0.999 || got/want > 1.001 {
			t.Errorf("the unit of %v is %v, want %v", highest, got, want)
		}
	}
}

// TestPlacesOfSteps puts steps on a true time axis, and knows what is a gap.
func TestPlacesOfSteps(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		axis  timeAxis
		days  []string
		at    []float64
		apart []bool // each step from the one before
	}{
		"weeks": {
			timeAxis{From: "2026-01-05", To: "2026-02-02", Group: groupWeek},
			[]string{"2026-01-05", "2026-01-12", "2026-02-02"}, []float64{0, 0.25, 1}, []bool{false, true},
		},
		"days with weekly figures": {
			timeAxis{From: "2026-01-01", To: "2026-01-29", Group: groupDay},
			[]string{"2026-01-01", "2026-01-08", "2026-01-15", "2026-01-29"}, []float64{0, 0.25, 0.5, 1}, []bool{false, false, true},
		},
		"one step": {timeAxis{From: "2026-01-01", To: "2026-01-01", Group: groupYear}, []string{"2026-01-01"}, nil, nil},
	}
	for name, tt := range tests {
		at, gap := tt.axis.places(tt.days)
		if diff := cmp.Diff(tt.at, at); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		for i, apart := range tt.apart {
			if (at[i+1]-at[i] > gap) != apart {
				t.Errorf("%s: %s is %v after the step before, a gap begins at %v", name, tt.days[i+1], at[i+1]-at[i], gap)
			}
		}
	}
}
