// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/sample"
)

// TestFrontOfficeClient replays what a front office asks about its own client.
func TestFrontOfficeClient(t *testing.T) {
	t.Parallel()
	office := setup(t).user("office")
	var me struct {
		Token   string `json:"token"`
		Name    string `json:"name"`
		Role    string `json:"role"`
		Sharing any    `json:"is_sharing_enabled"`
	}
	office.call("GET", "/api/v1/client/me", nil).want(http.StatusOK).into(&me)
	if me.Token != office.token {
		t.Error("the token is not the one that was sent")
	}
	if diff := cmp.Diff([]any{"office", "1", true}, []any{me.Name, me.Role, me.Sharing}); diff != "" {
		t.Errorf("client (-want +got):\n%s", diff)
	}
	for _, enabled := range []bool{false, true} {
		office.call("PATCH", "/api/v1/client/me", map[string]bool{"is_sharing_enabled": enabled}).want(http.StatusCreated).into(&me)
		if me.Token != office.token || me.Sharing != enabled {
			t.Errorf("after PATCH to %v: token is the one sent: %v, is_sharing_enabled %v", enabled, me.Token == office.token, me.Sharing)
		}
		office.call("GET", "/api/v1//client//me/", nil).want(http.StatusOK).into(&me)
		if me.Sharing != enabled {
			t.Errorf("GET after PATCH to %v: %v", enabled, me.Sharing)
		}
	}
}

// TestFrontOfficeDay replays a day: has anything been collected, the batch, the
// dashboard, an analysis that is removed.
func TestFrontOfficeDay(t *testing.T) {
	t.Parallel()
	office := setup(t).user("office")
	generator := sample.New(sample.Options{Clients: 1, Analyses: 3, Days: 1, Until: today})
	analyses := generator.Organisations()[0].Analyses()
	risksOfToday := map[string]any{
		"type": "risk", "date_from": day(0), "date_to": day(0), "get_last": false, "anrs": analyses, "offset": "0", "limit": "10",
	}
	if got := office.call("GET", "/api/v1//stats/", risksOfToday).list(http.StatusOK); len(got.Data) != 0 {
		t.Fatalf("%d risk stats before the batch", len(got.Data))
	}
	posted := office.call("POST", "/api/v1//stats/", generator.FrontOfficeBatch(0, today)).list(http.StatusCreated)
	if diff := cmp.Diff(15, len(posted.Data)); diff != "" {
		t.Fatalf("items answered (-want +got):\n%s", diff)
	}
	for _, stat := range posted.Data {
		if stat.UUID == uuid.Nil || len(stat.Data) < 2 {
			t.Errorf("the answer lacks uuid or data: %s %s %.50s", stat.UUID, stat.Type, stat.Data)
		}
	}
	risks := office.call("GET", "/api/v1//stats/", risksOfToday).list(http.StatusOK)
	for _, stat := range risks.Data {
		if stat.Type != "risk" || stat.Date != day(0) {
			t.Errorf("%s stats of %s among the risks of today", stat.Type, stat.Date)
		}
	}
	if diff := cmp.Diff(map[string]string{"count": "3", "offset": "0", "limit": "10"}, risks.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	office.call("DELETE", "/api/v1/stats/"+analyses[0].String(), nil).want(http.StatusNoContent)
	last := map[string]any{"type": "compliance", "get_last": true, "anrs": analyses}
	if got := office.call("GET", "/api/v1/stats/", last).list(http.StatusOK); len(got.Data) != 2 {
		t.Errorf("%d analyses have stats after one of three was removed", len(got.Data))
	}
}

// TestFrontOfficeProcessed replays the questions of the dashboard.
func TestFrontOfficeProcessed(t *testing.T) {
	t.Parallel()
	office := setup(t).user("office")
	generator := sample.New(sample.Options{Clients: 1, Analyses: 2, Days: 1, Until: today})
	analyses := generator.Organisations()[0].Analyses()
	office.call("POST", "/api/v1/stats/", generator.FrontOfficeBatch(0, today)).want(http.StatusCreated)
	tests := []struct {
		processor, statsType string
		params               any
	}{
		{"threat_average_on_date", "threat", nil},
		{"vulnerability_average_on_date", "vulnerability", []any{}},
		{"risk_averages", "risk", nil},
		{"risk_averages_on_date", "risk", map[string]any{"risks_type": "informational", "risks_state": "current"}},
		{"risk_averages_on_date", "risk", map[string]any{}},
		{"cartography_averages", "cartography", []any{}},
		{"compliance_averages", "compliance", nil},
	}
	for _, tt := range tests {
		t.Run(tt.processor, func(t *testing.T) {
			t.Parallel()
			question := map[string]any{
				"processor": tt.processor, "processor_params": tt.params, "type": tt.statsType,
				"date_from": day(90), "date_to": day(0), "anrs": analyses,
			}
			var got struct {
				Processor, Type string
				Data            json.RawMessage
			}
			office.on(t).call("GET", "/api/v1//stats/processed/", question).want(http.StatusOK).into(&got)
			if got.Processor != tt.processor || got.Type != tt.statsType || len(got.Data) < 10 {
				t.Errorf("answer = %s, %s, %.100s", got.Processor, got.Type, got.Data)
			}
			if tt.statsType == "threat" || tt.statsType == "vulnerability" {
				checkSeries(t, got.Data)
			}
		})
	}
}

// checkSeries looks for what the charts of a front office are drawn from.
func checkSeries(t *testing.T, data []byte) {
	t.Helper()
	var rows []struct {
		Object string            `json:"object"`
		Labels map[string]string `json:"labels"`
		Values []map[string]any  `json:"values"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, label := range []string{"label1", "label2", "label3", "label4"} {
			if _, ok := row.Labels[label]; !ok {
				t.Errorf("%s has no %s", row.Object, label)
			}
		}
		if len(row.Values) != 1 || row.Values[0]["date"] != day(0) {
			t.Errorf("%s has values %v, want one of %s", row.Object, row.Values, day(0))
		}
	}
}

// TestFrontOfficeShapes posts each shape of data that PHP makes of the same
// statistics and looks whether they count alike.
func TestFrontOfficeShapes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, statsType, data, processor, want string
	}{
		{"rate as a string", "threat", `[{"uuid":"b402d4e0-4576-11e9-9173-0800277f0571","label1":"Vol","label2":"","label3":null,"label4":"Diefstal","count":2,"maxRisk":12,"averageRate":"2.82"}]`,
			"threat_average_on_date", threatSeries},
		{"rate as a number", "threat", `[{"uuid":"b402d4e0-4576-11e9-9173-0800277f0571","label1":"Vol","label2":"","label3":null,"label4":"Diefstal","count":2,"maxRisk":12,"averageRate":2.82}]`,
			"threat_average_on_date", threatSeries},
		{"no threats", "threat", `[]`, "threat_average_on_date", `[]`},
		{"no vulnerabilities", "vulnerability", `[]`, "vulnerability_average_on_date", `[]`},
		{"cartography of maps", "cartography", `{"scales":{"impact":[0,1],"likelihood":[0,1],"probability":[0,1]},"risks":{"current":{"informational":{"0":{"0":3,"1":4}},"operational":{}},"residual":{"informational":{"0":{"0":3}},"operational":{}}}}`,
			"cartography_averages", cartographyMeans},
		{"cartography of lists", "cartography", `{"scales":{"impact":[0,1],"likelihood":[0,1],"probability":[0,1]},"risks":{"current":{"informational":[[3,4]],"operational":[]},"residual":{"informational":[[3]],"operational":[]}}}`,
			"cartography_averages", cartographyMeans},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			office := setup(t).user("office")
			stat := item{"anr": id(1), "type": tt.statsType, "date": day(1), "data": json.RawMessage(tt.data)}
			posted := office.post(stat)
			var want, got any
			if err := json.Unmarshal([]byte(tt.data), &want); err != nil {
				t.Fatal(err)
			}
			listed := office.call("GET", "/api/v1/stats/", map[string]any{"get_last": true, "anrs": []uuid.UUID{id(1)}}).list(http.StatusOK)
			for _, data := range []json.RawMessage{posted.Data[0].Data, listed.Data[0].Data} {
				if err := json.Unmarshal(data, &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("data (-want +got):\n%s", diff)
				}
			}
			var processed struct{ Data json.RawMessage }
			office.call("GET", "/api/v1/stats/processed/", map[string]any{"processor": tt.processor, "processor_params": nil}).
				want(http.StatusOK).into(&processed)
			answer{t: t, body: processed.Data}.wantJSON(tt.want)
		})
	}
}

const threatSeries = `[{"object":"b402d4e0-4576-11e9-9173-0800277f0571",
	"labels":{"label1":"Vol","label2":"","label3":"","label4":"Diefstal"},
	"values":[{"date":"2026-03-14","count":2,"maxRisk":12,"averageRate":2.82}],
	"averages":{"count":2,"maxRisk":12,"averageRate":2.82}}]`

const cartographyMeans = `{"current":{"informational":{"0":{"0":3,"1":4}},"operational":{}},"residual":{"informational":{"0":{"0":3}},"operational":{}}}`

// TestFrontOfficeHundredsOfAnalyses posts all that a large organisation has.
func TestFrontOfficeHundredsOfAnalyses(t *testing.T) {
	t.Parallel()
	const analyses = 500
	s := setup(t)
	office, other := s.user("office"), s.user("other")
	generator := sample.New(sample.Options{Clients: 1, Analyses: analyses, Days: 1, Until: today})
	batch := generator.FrontOfficeBatch(0, today)
	if len(batch) < 25<<20 {
		t.Fatalf("the batch has only %d bytes", len(batch))
	}
	posted := office.call("POST", "/api/v1/stats/", batch, maskedBy("{data{uuid},metadata}")).list(http.StatusCreated)
	if diff := cmp.Diff(5*analyses, len(posted.Data)); diff != "" {
		t.Errorf("items answered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(5*analyses, len(s.stored())); diff != "" {
		t.Errorf("items stored (-want +got):\n%s", diff)
	}
	page := office.call("GET", "/api/v1/stats/?limit=5", nil, maskedBy("{metadata,data{uuid}}")).list(http.StatusOK)
	if diff := cmp.Diff("5", page.Metadata["count"]); diff != "" {
		t.Errorf("count of a page (-want +got):\n%s", diff)
	}
	if got := other.call("GET", "/api/v1/stats/", nil).list(http.StatusOK); len(got.Data) != 0 {
		t.Errorf("another client sees %d of the items", len(got.Data))
	}
}
