// SPDX-License-Identifier: AGPL-3.0-or-later

package data_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
)

func number(n data.Number) *data.Number { return &n }

// TestFrontOfficeDataIsRead reads what a front office sends, of all types.
func TestFrontOfficeDataIsRead(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../testdata/payloads/five-types.json")
	if err != nil {
		t.Fatal(err)
	}
	var stats []client.Stat
	if err := json.Unmarshal(content, &stats); err != nil {
		t.Fatal(err)
	}
	got := map[client.Type]any{}
	for _, stat := range stats {
		switch stat.Type {
		case client.TypeRisk:
			risk := decode[data.Risk](t, stat)
			got[stat.Type] = []data.Number{risk.Total[data.Current][data.Operational], risk.Risks[data.Residual][data.Informational][1].Value}
		case client.TypeThreat:
			got[stat.Type] = decode[data.Threats](t, stat)[1]
		case client.TypeVulnerability:
			got[stat.Type] = decode[data.Vulnerabilities](t, stat)[0].AverageRate
		case client.TypeCartography:
			risks := decode[data.Cartography](t, stat).Risks[data.Current]
			got[stat.Type] = []data.Number{risks[data.Informational]["4"]["9"], risks[data.Operational]["0"]["1"], risks[data.Operational]["4"]["4"]}
		case client.TypeCompliance:
			got[stat.Type] = decode[data.Compliance](t, stat)[0].Current[0]
		}
	}
	want := map[client.Type]any{
		client.TypeRisk: []data.Number{20, 11},
		client.TypeThreat: data.Object{
			UUID: "b402c9c1-4576-11e9-9173-0800277f0571", Labels: data.Labels{French: "Hameçonnage", English: "Phishing", German: "Phishing"},
			Count: 6, MaxRisk: 36, AverageRate: 3.5,
		},
		client.TypeVulnerability: data.Number(3),
		client.TypeCartography:   []data.Number{7, 4, 2},
		client.TypeCompliance: data.Category{
			Labels: data.Labels{French: "Contrôle d'accès", English: "Access control", German: "Zugangssteuerung"}, Value: number(0.4),
			Controls: []data.Control{
				{Code: "9.1.1", Measure: "267fc596-f705-11e8-b555-0800279aaa2b", Value: number(0.2)},
				{Code: "9.1.2", Measure: "267fc6a7-f705-11e8-b555-0800279aaa2b", Value: number(0.6)},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func decode[D client.Data](t *testing.T, stat client.Stat) D {
	t.Helper()
	decoded, err := client.Decode[D](stat)
	if err != nil {
		t.Fatal(err)
	}
	written, err := client.NewStat(stat.ANR, stat.Date, decoded)
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Decode[D](written)
	if diff := cmp.Diff(decoded, again); err != nil || diff != "" {
		t.Errorf("%s changes on its way: %v (-first +second)\n%s", stat.Type, err, diff)
	}
	return decoded
}

// TestFormsOfPHPAreRead reads what PHP writes in several ways.
func TestFormsOfPHPAreRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		into func(text string) (any, error)
		want any
	}{
		"number":           {`2.5`, into[data.Number], data.Number(2.5)},
		"number as string": {`"2.50"`, into[data.Number], data.Number(2.5)},
		"no number":        {`""`, into[data.Number], data.Number(0)},
		"map":              {`{"3":1,"-1":"2"}`, into[data.Map[data.Number]], data.Map[data.Number]{"3": 1, "-1": 2}},
		"map as list":      {`[5,null,7]`, into[data.Map[data.Number]], data.Map[data.Number]{"0": 5, "2": 7}},
		"empty map":        {`[]`, into[data.Map[data.Number]], data.Map[data.Number]{}},
		"nested":           {`{"a":[],"b":null}`, into[data.Map[data.Map[data.Number]]], data.Map[data.Map[data.Number]]{"a": {}}},
		"not evaluated":    {`{"value":"","label1":null}`, into[data.Category], data.Category{}},
		"no threats":       {`[]`, into[data.Threats], data.Threats{}},
	}
	for name, tt := range tests {
		got, err := tt.into(tt.text)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
	if _, err := into[data.Number](`"many"`); err == nil {
		t.Error("a word was taken for a number")
	}
}

func into[T any](text string) (any, error) {
	var value T
	err := json.Unmarshal([]byte(text), &value)
	return value, err
}

// TestEmptyDataIsWrittenAsAccepted shows that nothing is written in the form that the service accepts.
func TestEmptyDataIsWrittenAsAccepted(t *testing.T) {
	t.Parallel()
	want := `[[],[],[],{"total":{},"risks":{}}]`
	got, err := json.Marshal([]any{data.Threats(nil), data.Vulnerabilities(nil), data.Compliance(nil), data.Risk{}})
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestDataOfAnotherTypeIsRefused shows that a stat is not read as one of another type.
func TestDataOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := client.Decode[data.Threats](client.Stat{Type: client.TypeVulnerability, Data: []byte(`[]`)}); err == nil {
		t.Error("vulnerabilities were read as threats")
	}
}
