// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

// pythonTables are those that the Python service v0.5.3 makes.
const pythonTables = `
	CREATE TABLE client (id serial PRIMARY KEY, uuid uuid UNIQUE NOT NULL, name varchar(100) UNIQUE, token varchar(100) UNIQUE,
		role integer, latitude float, longitude float, last_seen timestamp, local boolean, is_sharing_enabled boolean,
		created_at timestamp, updated_at timestamp, is_active boolean);
	CREATE TABLE stats (uuid uuid PRIMARY KEY, anr uuid NOT NULL, type varchar NOT NULL, date date NOT NULL, data jsonb NOT NULL,
		created_at timestamp, client_id integer REFERENCES client (id));
	CREATE INDEX ix_stats_type ON stats (type);
	CREATE INDEX ix_stats_date ON stats (date)`

// TestAdoptedInstanceAnswersLikeANewOne puts the same statistics into the database of
// a Python instance, which is taken over, and into a new instance: both have to answer
// every processed question alike, whoever asks.
func TestAdoptedInstanceAnswersLikeANewOne(t *testing.T) {
	t.Parallel()
	url, fresh := pgtest.Empty(t), setup(t)
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(pythonTables)
	generator := sample.New(sample.Options{Clients: 3, Analyses: 2, Days: 60, Step: 20, Until: today})
	var callers []caller
	count := 0
	for i, organisation := range generator.Organisations() {
		client := stats.Client{Name: organisation.Name, Role: stats.RoleUser, Local: i > 0, IsSharingEnabled: true, IsActive: true}
		if i == 2 {
			client.Role = stats.RoleAdmin
		}
		asks := fresh.createClient(client)
		callers = append(callers, asks)
		exec(`INSERT INTO client (uuid, name, token, role, local) VALUES ($1, $2, $3, $4, $5)`,
			asks.client.UUID, client.Name, asks.token, 1+i/2, client.Local)
		for _, day := range generator.Dates() {
			for analysis := range organisation.Analyses() {
				var batch []item
				for _, stat := range generator.Stats(i, analysis, day) {
					batch = append(batch, item{"anr": stat.ANR, "type": stat.Type, "date": day.Format("2006-01-02"), "data": json.RawMessage(stat.Data)})
					count++
					exec(`INSERT INTO stats (uuid, anr, type, date, data, client_id) VALUES ($1, $2, $3, $4, $5, $6)`,
						id(count), stat.ANR, stat.Type, day, stat.Data, i+1)
				}
				asks.post(batch...)
			}
		}
	}
	exec(`INSERT INTO stats (uuid, anr, type, date, data, client_id)
		SELECT gen_random_uuid(), anr, type, date, '{"neither": "valid"}', client_id FROM stats WHERE type <> 'oddity'`)
	if err := db.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Adopt(t.Context(), postgres.Options{URL: url, Secret: servicetest.Secret()}, nil); err != nil {
		t.Fatal(err)
	}
	adopted := setupOn(t, url)
	for who, asks := range callers {
		for _, question := range everyProcessedQuestion(generator) {
			want := asks.call("GET", "/api/v1/stats/processed/", question).want(http.StatusOK)
			got := adopted.with(asks.token).call("GET", "/api/v1/stats/processed/", question).want(http.StatusOK)
			if len(want.body) < 200 && question["anrs"] == nil {
				t.Errorf("nothing to compare for %v: %s", question, want.body)
			}
			if diff := cmp.Diff(string(want.body), string(got.body)); diff != "" {
				t.Errorf("client %d, %v (-new +adopted):\n%s", who+1, question, diff)
			}
		}
	}
}

// everyProcessedQuestion asks each processor about everything, a period, local
// clients, and one analysis.
func everyProcessedQuestion(generator *sample.Generator) (questions []map[string]any) {
	first := generator.Organisations()[0].Analyses()[0]
	for _, processor := range []string{
		"threat_average_on_date", "vulnerability_average_on_date", "risk_averages", "risk_averages_on_date", "cartography_averages", "compliance_averages",
	} {
		for _, filter := range []map[string]any{
			{}, {"date_from": day(30), "date_to": day(10)}, {"local_stats_only": 1}, {"anrs": []any{first}},
		} {
			question := map[string]any{"processor": processor, "processor_params": []any{}}
			for name, value := range filter {
				question[name] = value
			}
			questions = append(questions, question)
		}
	}
	return questions
}
