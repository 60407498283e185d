// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// payloadDay is the day on which the small payloads are sent.
func payloadDay() time.Time { return time.Date(2026, time.November, 26, 12, 0, 0, 0, time.UTC) }

const (
	frontOffice = "token-of-a-front-office"
	payloads    = root + "/testdata/payloads/"
)

// sentMap is a cartography that was sent, and the averages over it alone.
type sentMap struct {
	item     string
	anr      string
	data     any
	averages map[string]map[string]any
}

// mapForms are maps with values that were not evaluated (-1), as PHP writes maps:
// as objects or, where the keys are 0, 1, 2, as lists, at every level. The other
// text is what the averages are then.
var mapForms = map[string]string{
	`{"-1":{"-1":1}}`:                   `{"-1":{"-1":1}}`,
	`{"2":{"-1":1}}`:                    `{"2":{"-1":1}}`,
	`{"-1":{"-1":2,"3":4},"2":{"0":5}}`: `{"-1":{"-1":2,"3":4},"2":{"0":5}}`,
	`[{"-1":1},{"3":4,"-1":2}]`:         `{"0":{"-1":1},"1":{"-1":2,"3":4}}`,
	`{"-1":[0,5],"-2":[1]}`:             `{"-2":{"0":1},"-1":{"1":5}}`,
	`[[1],[0,2]]`:                       `{"0":{"0":1},"1":{"1":2}}`,
	`[]`:                                `{}`,
}

// sentMaps returns the payloads with each form in each of the four maps.
func sentMaps(t *testing.T) (sent []sentMap) {
	t.Helper()
	for _, file := range []string{"cartography-not-evaluated.json", "cartography-probability-not-evaluated.json"} {
		var items []map[string]any
		decode(t, read(t, payloads+file), &items)
		sent = append(sent, sentMapOf(t, items[0]))
	}
	for _, state := range []string{"current", "residual"} {
		for _, kind := range []string{"informational", "operational"} {
			for form := range mapForms {
				risks := map[string]map[string]any{
					"current":  {"informational": []any{}, "operational": []any{}},
					"residual": {"informational": []any{}, "operational": []any{}},
				}
				risks[state][kind] = json.RawMessage(form)
				sent = append(sent, sentMapOf(t, map[string]any{
					"anr": uuid.NewSHA1(uuid.Nil, []byte(state+kind+form)).String(), "type": "cartography", "date": "2026-11-26",
					"data": map[string]any{"scales": map[string]any{"impact": []int{-1, 0, 1, 2}}, "risks": risks},
				}))
			}
		}
	}
	return sent
}

func sentMapOf(t *testing.T, item map[string]any) sentMap {
	t.Helper()
	sent := sentMap{item: encode(t, item), averages: map[string]map[string]any{}}
	var parsed struct {
		ANR  string
		Data any
	}
	decode(t, sent.item, &parsed)
	sent.anr, sent.data = parsed.ANR, parsed.Data
	var maps struct {
		Data struct {
			Risks map[string]map[string]json.RawMessage
		}
	}
	decode(t, sent.item, &maps)
	for state, kinds := range maps.Data.Risks {
		sent.averages[state] = map[string]any{}
		for kind, form := range kinds {
			averages, known := mapForms[string(form)]
			if !known {
				t.Fatalf("what are the averages over %s?", form)
			}
			var of any
			decode(t, averages, &of)
			sent.averages[state][kind] = of
		}
	}
	return sent
}

// TestNotEvaluated sends cartographies with values below 0 through the API, the averages, a
// pull by another instance, and a rebuild.
func TestNotEvaluated(t *testing.T) {
	t.Parallel()
	sent := sentMaps(t)
	items := make([]string, len(sent))
	for i, s := range sent {
		items[i] = s.item
	}
	remote := newInstance(t, payloadDay())
	remote.run("client_create", "--name", "Front office", "--token", frontOffice)
	remoteURL := remote.serve()
	ask(t, http.StatusCreated, "POST", remoteURL+"/api/v1/stats/", frontOffice, "["+strings.Join(items, ",")+"]")
	wantMaps(t, remoteURL, sent)

	local := newInstance(t, payloadDay(), "REMOTE_STATS_SERVER="+remoteURL, "REMOTE_STATS_TOKEN="+frontOffice)
	client := uuid.NewString()
	local.run("client_create", "--name", "Front office", "--token", frontOffice, "--uuid", client)
	local.run("stats_pull", "--client-uuid", client, "--stats-type", "cartography")
	wantMaps(t, local.serve(), sent)

	want := fmt.Sprintf("stats: %d, completed: 0, corrected: 0, left out as malformed: 0, ", len(sent))
	if rebuilt := local.run("db_rebuild"); !strings.HasPrefix(rebuilt, want) {
		t.Errorf("db_rebuild said %q, want %q", rebuilt, want)
	}
	local.run("db_rebuild", "--check")
	wantMaps(t, local.serve(), sent) // of a service that has nothing in its cache
}

// wantMaps asks an instance for the stats and for the averages, of each analysis and
// of all.
func wantMaps(t *testing.T, url string, sent []sentMap) {
	t.Helper()
	for _, s := range sent {
		listed := get[struct{ Data []struct{ Data any } }](t, url+"/api/v1/stats/", frontOffice, `{"type":"cartography","anrs":["`+s.anr+`"]}`)
		if len(listed.Data) != 1 {
			t.Fatalf("%d stats of the analysis with %s", len(listed.Data), s.item)
		}
		if diff := cmp.Diff(s.data, listed.Data[0].Data); diff != "" {
			t.Errorf("stats (-sent +got)\n%s", diff)
		}
		processed := get[struct{ Data map[string]map[string]any }](t, url+"/api/v1/stats/processed/", frontOffice,
			`{"type":"cartography","processor":"cartography_averages","anrs":["`+s.anr+`"]}`)
		if diff := cmp.Diff(s.averages, processed.Data); diff != "" {
			t.Errorf("averages over %s (-want +got)\n%s", s.item, diff)
		}
	}
	all := get[struct {
		Data map[string]map[string]map[string]map[string]float64
	}](t, url+"/api/v1/stats/processed/", frontOffice, `{"type":"cartography","processor":"cartography_averages"}`)
	// Four of the forms have this cell: 1, 2 and 2 in each map, one more in one of them.
	for state, kinds := range all.Data {
		for kind, cells := range kinds {
			sum := 3.0
			if state == "current" && kind == "operational" {
				sum++
			}
			if got, want := cells["-1"]["-1"], sum/float64(len(sent)); got != want {
				t.Errorf("%s %s: the mean over all of what was not evaluated is %v, want %v", state, kind, got, want)
			}
		}
	}
}

// blankCompliance is what label-blank.json is for the compliance with a referential.
const blankCompliance = `[{"anr":"abababab-0000-4000-8000-00000000ffff","type":"compliance","date":"2026-11-20","data":[
	{"referential":"abab3333-0000-4000-8000-000000000001","label1":"   ","label2":"Real name","target":[],
	 "current":[{"label1":"   ","label2":"Real name","value":0.5,"controls":[]}]}]}]`

// TestBlankLabels shows the label in the next language where one is white space.
func TestBlankLabels(t *testing.T) {
	t.Parallel()
	i := newInstance(t, payloadDay())
	i.run("client_create", "--name", "Front office", "--token", frontOffice)
	url := i.serve()
	threat := read(t, payloads+"label-blank.json")
	tests := []struct{ chart, payload, row string }{
		{"top-threats", threat, `,"?%s"?,`},
		{"top-vulnerabilities", strings.Replace(threat, "threat", "vulnerability", 1), `,"?%s"?,`},
		{"compliance", blankCompliance, `%[1]s,.*%[1]s,`},
	}
	for n, white := range []string{`"   "`, `"\t\r\n"`, `"\u00a0\u2003"`, `""`, `null`} {
		name := fmt.Sprintf("Real name %d", n)
		of := strings.NewReplacer(`"   "`, white, "Real name", name, "abab3333", fmt.Sprintf("%08d", n))
		for _, tt := range tests {
			ask(t, http.StatusCreated, "POST", url+"/api/v1/stats/", frontOffice, of.Replace(tt.payload))
			csv := ask(t, http.StatusOK, "GET", url+"/stats/"+tt.chart+".csv?days=30&lang=fr", "", "")
			if row := regexp.MustCompile(fmt.Sprintf(tt.row, name)); !row.Match(csv) {
				t.Errorf("%s with label1 %s has no row like %s\n%s", tt.chart, white, row, csv)
			}
		}
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
