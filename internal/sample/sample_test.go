// SPDX-License-Identifier: AGPL-3.0-or-later

package sample_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/stats"
)

var until = time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)

func generator() *sample.Generator {
	return sample.New(sample.Options{Seed: 1, Until: until})
}

func TestEveryStatIsAccepted(t *testing.T) {
	t.Parallel()
	g := sample.New(sample.Options{Seed: 1, Step: 30, Until: until})
	for org, o := range g.Organisations() {
		for analysis := range o.Analyses() {
			for _, day := range g.Dates() {
				for _, s := range g.Stats(org, analysis, day) {
					document, err := stats.ReadDocument(s.Type, s.Data)
					if err != nil {
						t.Fatalf("%s of %s, analysis %d, %s: %v", s.Type, o.Name, analysis, day.Format(time.DateOnly), err)
					}
					if len(document.Observations) == 0 {
						t.Errorf("%s of %s, analysis %d: no observations", s.Type, o.Name, analysis)
					}
				}
			}
		}
	}
}

func TestSampleStatsAreValid(t *testing.T) {
	t.Parallel()
	g := generator()
	day := until.AddDate(0, 0, -3).Add(15 * time.Hour)
	got := g.Stats(1, 2, day)
	var types []stats.Type
	for _, s := range got {
		types = append(types, s.Type)
		if s.ANR != g.Organisations()[1].Analyses()[2] {
			t.Errorf("%s belongs to %s", s.Type, s.ANR)
		}
		if !s.Date.Equal(until.AddDate(0, 0, -3)) {
			t.Errorf("%s is of %s", s.Type, s.Date)
		}
		if s.UUID != uuid.Nil {
			t.Errorf("%s has the uuid %s, front offices send none", s.Type, s.UUID)
		}
	}
	if diff := cmp.Diff(stats.Types(), types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}

func TestSizeOfAnAnalysis(t *testing.T) {
	t.Parallel()
	g := generator()
	total, n := 0, 0
	for org, o := range g.Organisations() {
		for analysis := range o.Analyses() {
			for _, s := range g.Stats(org, analysis, until) {
				total += len(s.Data)
			}
			n++
		}
	}
	if mean := total / n; mean < 50_000 || mean > 60_000 {
		t.Errorf("an analysis has %d bytes on average, front offices send 50,000 to 60,000", mean)
	}
}

func TestEqualOptionsGiveEqualBytes(t *testing.T) {
	t.Parallel()
	first, second := generator(), generator()
	if diff := cmp.Diff(first.Organisations(), second.Organisations(), cmp.AllowUnexported(sample.Organisation{})); diff != "" {
		t.Errorf("organisations differ:\n%s", diff)
	}
	batch := first.FrontOfficeBatch(2, until)
	if !bytes.Equal(batch, second.FrontOfficeBatch(2, until)) {
		t.Error("equal options gave different batches")
	}
	other := sample.New(sample.Options{Seed: 2, Until: until})
	if bytes.Equal(batch, other.FrontOfficeBatch(2, until)) {
		t.Error("another seed gave the same batch")
	}
}

func TestMoreOrganisationsDoNotChangeTheFirst(t *testing.T) {
	t.Parallel()
	more := sample.New(sample.Options{Seed: 1, Clients: 40, Until: until})
	if !bytes.Equal(generator().FrontOfficeBatch(3, until), more.FrontOfficeBatch(3, until)) {
		t.Error("the batch of an organisation depends on how many there are")
	}
}

func TestOrganisationsAreDistinct(t *testing.T) {
	t.Parallel()
	g := sample.New(sample.Options{Clients: 40, Analyses: 3, Until: until})
	names := make(map[string]bool)
	analyses := make(map[uuid.UUID]bool)
	for _, o := range g.Organisations() {
		names[o.Name] = true
		for _, id := range o.Analyses() {
			analyses[id] = true
		}
		if o.Latitude < 48 || o.Latitude > 53 || o.Longitude < 4 || o.Longitude > 9 {
			t.Errorf("%s lies at %v, %v", o.Name, o.Latitude, o.Longitude)
		}
	}
	if len(names) != 40 || len(analyses) != 120 {
		t.Errorf("%d names and %d analyses are different, want 40 and 120", len(names), len(analyses))
	}
	if first := g.Organisations()[0].Name; first != "Municipality Nord" {
		t.Errorf("the first organisation is called %q", first)
	}
}

func TestDatesCoverThePeriod(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options sample.Options
		want    []string
	}{
		{"daily", sample.Options{Days: 3, Step: 1}, []string{"2025-12-29", "2025-12-30", "2025-12-31"}},
		{"weekly", sample.Options{Days: 15, Step: 7}, []string{"2025-12-17", "2025-12-24", "2025-12-31"}},
		{"not a whole step", sample.Options{Days: 14, Step: 7}, []string{"2025-12-24", "2025-12-31"}},
		{"one day", sample.Options{Days: 1, Step: 7}, []string{"2025-12-31"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.options.Until = until.Add(18 * time.Hour)
			var got []string
			for _, date := range sample.New(tt.options).Dates() {
				got = append(got, date.Format(time.DateOnly))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("dates (-want +got):\n%s", diff)
			}
		})
	}
	if n := len(generator().Dates()); n != 53 {
		t.Errorf("a year has %d weekly dates, want 53", n)
	}
}

func TestFrontOfficeBatch(t *testing.T) {
	t.Parallel()
	g := generator()
	var items []map[string]json.RawMessage
	if err := json.Unmarshal(g.FrontOfficeBatch(0, until), &items); err != nil {
		t.Fatal(err)
	}
	if len(items) != 25 {
		t.Fatalf("%d items, want five of each of five analyses", len(items))
	}
	want := g.Stats(0, 0, until)[0]
	got := make(map[string]string)
	for name, value := range items[0] {
		got[name] = string(value)
	}
	diff := cmp.Diff(map[string]string{
		"anr":  fmt.Sprintf("%q", want.ANR),
		"type": `"risk"`,
		"date": `"2025-12-31"`,
		"data": string(want.Data),
	}, got)
	if diff != "" {
		t.Errorf("first item (-want +got):\n%s", diff)
	}
}

// TestSamplesHaveTheQuirksOfPHP checks that the samples have the quirks of PHP's JSON.
func TestSamplesHaveTheQuirksOfPHP(t *testing.T) {
	t.Parallel()
	g := generator()
	var all strings.Builder
	for org := range g.Organisations() {
		all.Write(g.FrontOfficeBatch(org, until))
	}
	text := all.String()
	for what, part := range map[string]string{
		"rate as a string":         `"averageRate":"2.`,
		"rate as a number":         `"averageRate":2.`,
		"whole rate as a string":   `"averageRate":"3"`,
		"label that is null":       `"label4":null`,
		"label that is empty":      `"label4":""`,
		"escaped letter":           `mat\u00e9riel`,
		"escaped slash":            `ISO\/IEC 27002:2022`,
		"impacts as a list":        `"informational":[{"0":`,
		"impacts as a map":         `"operational":{"1":`,
		"likelihoods as a map":     `"2":{"0":`,
		"likelihoods as a list":    `"2":[`,
		"no operational risks":     `"operational":[]`,
		"compliance as a string":   `"value":"0.60"`,
		"full compliance as PHP's": `"value":"1.00"`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %s does not occur", what, part)
		}
	}
}

// TestRisksDevelop checks the trends over all organisations: the number of high risks
// decreases, fewer of them are residual, and a new threat appears.
func TestRisksDevelop(t *testing.T) {
	t.Parallel()
	g := generator()
	dates := g.Dates()
	first, last := dates[0], dates[len(dates)-1]
	high := func(day time.Time, state string) (n int) {
		for org, o := range g.Organisations() {
			for analysis := range o.Analyses() {
				n += highRisks(t, g.Stats(org, analysis, day)[0].Data, state)
			}
		}
		return n
	}
	for _, day := range []time.Time{first, last} {
		if now, then := high(day, "current"), high(day, "residual"); then >= now {
			t.Errorf("%s: %d high residual risks, but only %d current ones", day.Format(time.DateOnly), then, now)
		}
	}
	if before, after := high(first, "current"), high(last, "current"); after >= before {
		t.Errorf("high current risks went from %d to %d, want fewer", before, after)
	}
	const deepfake = `"label2":"Deepfake fraud"`
	if bytes.Contains(g.FrontOfficeBatch(0, first), []byte(deepfake)) {
		t.Error("the new threat is there from the start")
	}
	if !bytes.Contains(g.FrontOfficeBatch(0, last), []byte(deepfake)) {
		t.Error("the new threat never appears")
	}
}

func highRisks(t *testing.T, data []byte, state string) int {
	t.Helper()
	var risk struct {
		Risks map[string]map[string][]struct {
			Level string
			Value int
		}
	}
	if err := json.Unmarshal(data, &risk); err != nil {
		t.Fatal(err)
	}
	for _, level := range risk.Risks[state]["informational"] {
		if level.Level == "High risks" {
			return level.Value
		}
	}
	t.Fatalf("no high %s risks in %s", state, data)
	return 0
}

func TestSeasonsShow(t *testing.T) {
	t.Parallel()
	g := generator()
	winter := time.Date(2025, 1, 15, 0, 0, 0, 0, time.UTC)
	spring := time.Date(2025, 4, 15, 0, 0, 0, 0, time.UTC)
	if cold, warm := rateOf(t, g, "Power failure", winter), rateOf(t, g, "Power failure", spring); cold <= warm {
		t.Errorf("the rate of power failures is %v in winter and %v in spring", cold, warm)
	}
	if cold, warm := rateOf(t, g, "Fire", winter), rateOf(t, g, "Fire", spring); cold-warm > 0.2 || warm-cold > 0.2 {
		t.Errorf("the rate of fires is %v in winter and %v in spring, want hardly a difference", cold, warm)
	}
}

// rateOf returns the mean rate of a threat over all analyses that have it.
func rateOf(t *testing.T, g *sample.Generator, label string, day time.Time) float64 {
	t.Helper()
	sum, n := 0.0, 0
	for org, o := range g.Organisations() {
		for analysis := range o.Analyses() {
			var threats []struct {
				Label2      string
				AverageRate json.RawMessage
			}
			if err := json.Unmarshal(g.Stats(org, analysis, day)[2].Data, &threats); err != nil {
				t.Fatal(err)
			}
			for _, threat := range threats {
				if threat.Label2 != label {
					continue
				}
				var rate float64
				if err := json.Unmarshal(bytes.Trim(threat.AverageRate, `"`), &rate); err != nil {
					t.Fatal(err)
				}
				sum += rate
				n++
			}
		}
	}
	return sum / float64(n)
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		generator()
	}
}

func BenchmarkStats(b *testing.B) {
	g := generator()
	b.ReportAllocs()
	for b.Loop() {
		g.Stats(0, 0, until)
	}
}
