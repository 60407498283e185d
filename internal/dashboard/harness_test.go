// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/sample"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

// today is the day on which the tests run.
var today = time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)

// service is the whole server on a database of the test's own.
type service struct {
	t     testing.TB
	store *postgres.Store
	url   string
}

// setup boots the service without data. A change adapts the options of the pages,
// of whose Figures only the threshold counts.
func setup(t testing.TB, changes ...func(*dashboard.PageOptions)) *service {
	t.Helper()
	return setupBelow(t, "", changes...)
}

// setupBelow boots the service below a path prefix.
func setupBelow(t testing.TB, prefix string, changes ...func(*dashboard.PageOptions)) *service {
	t.Helper()
	return setupOn(t, pgtest.New(t), prefix, changes...)
}

// setupOn boots the service on a database.
func setupOn(t testing.TB, database, prefix string, changes ...func(*dashboard.PageOptions)) *service {
	t.Helper()
	store := servicetest.Open(t, postgres.Options{URL: database, MaxConns: 8})
	opts := dashboard.PageOptions{
		Now:                func() time.Time { return today.Add(12 * time.Hour) },
		APIRoot:            httpapi.Root,
		Figures:            disclosure.New(disclosure.Options{}),
		MOSPURL:            "https://objects.example.org",
		CoordinateDecimals: 1,
	}
	for _, change := range changes {
		change(&opts)
	}
	if opts.Cache == nil {
		opts.Cache = httpapi.NewCache(opts.Now)
	}
	opts.Figures = disclosure.New(disclosure.Options{
		Store: store.SumStore, Cache: opts.Cache, Now: opts.Now, Location: time.UTC, MinClients: opts.Figures.MinClients(), MinAnalyses: opts.MinAnalyses,
	})
	pages, err := dashboard.NewPages(opts)
	if err != nil {
		t.Fatal(err)
	}
	_, handler := servicetest.API(httpapi.Options{Store: store, Cache: opts.Cache, Figures: opts.Figures, Pages: pages, Now: opts.Now, Prefix: prefix})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &service{t: t, store: store, url: server.URL + prefix}
}

// reply is an answer of the service.
type reply struct {
	status int
	header http.Header
	body   string
}

// get asks for a path below the prefix; headers are names and values in turn.
func (s *service) get(path string, headers ...string) reply {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// client creates an organisation at a place.
func (s *service) client(name string, latitude, longitude float64, local bool) stats.Client {
	s.t.Helper()
	client := servicetest.User(name)
	client.Latitude, client.Longitude, client.Local = &latitude, &longitude, local
	return servicetest.CreateClient(s.t, s.store, client)
}

// add stores the stats of an analysis of a client on a day.
func (s *service) add(client stats.Client, analysis uuid.UUID, t stats.Type, date time.Time, data string) {
	s.t.Helper()
	servicetest.Insert(s.t, s.store, client, stats.Stat{ANR: analysis, Type: t, Date: date, Data: []byte(data)})
}

// addYear stores a year of sample data of four organisations.
func (s *service) addYear() { s.addSample(sample.Options{Analyses: 2}) }

// addMonth stores a month of it, which is enough where nobody looks at it.
func (s *service) addMonth() { s.addSample(sample.Options{Analyses: 1, Days: 30}) }

func (s *service) addSample(options sample.Options) {
	s.t.Helper()
	options.Seed, options.Until = 7, today
	generator := sample.New(options)
	for i, organisation := range generator.Organisations() {
		client := s.client(organisation.Name, organisation.Latitude, organisation.Longitude, organisation.Local)
		var all []stats.Stat
		for _, date := range generator.Dates() {
			for analysis := range organisation.Analyses() {
				all = append(all, generator.Stats(i, analysis, date)...)
			}
		}
		servicetest.Insert(s.t, s.store, client, all...)
	}
}

// objectOf is the data of threat stats of one object.
func objectOf(id, label string, count, maxRisk, rate float64) string {
	return fmt.Sprintf(`[{"uuid":%q,"label1":%[2]s,"label2":%[2]s,"label3":%[2]s,"label4":%[2]s,"count":%[3]v,"maxRisk":%[4]v,"averageRate":%[5]v}]`,
		id, quoted(label), count, maxRisk, rate)
}

const (
	fire  = "14c790a2-ed95-48f0-9827-746415c4aacf"
	flood = "aa789da6-caee-4d35-8597-a79bfa8aff2f"
	theft = "f76dfc94-1613-4565-8ddc-e4443e88f7e1"
)

// addOneThreat stores a single threat of a single analysis.
func (s *service) addOneThreat() {
	s.t.Helper()
	client := s.client("One", 49.6, 6.1, true)
	s.add(client, uuid.New(), stats.Threat, today, objectOf(fire, "Fire", 3, 12, 2))
}

// hostile are names that break out of careless pages.
var hostile = []string{
	`<script>document.title = "owned"</script>`,
	`"><img src=x onerror='document.title="owned"'>`,
	`'; document.title = "owned"; //`,
	`{{.}} ${document.title = "owned"} </script><script>document.title="owned"</script>`,
	"مخاطر أمن المعلومات \u202e תקלה בשרת",
	strings.Repeat("Unbreakable", 45) + " end",
	`=HYPERLINK("https://evil.example.org")`,
}

// addHostile stores objects, categories and referentials with hostile names.
func (s *service) addHostile() {
	s.t.Helper()
	for i, name := range hostile {
		client := s.client(fmt.Sprintf("<b>Organisation %d</b>", i), 40+float64(3*i), float64(5*i), true)
		analysis := uuid.New()
		id := uuid.NewSHA1(uuid.Nil, []byte(name)).String()
		for week := range 3 {
			date := today.AddDate(0, 0, -7*week)
			data := objectOf(id, name, float64(i+1), float64(20-i), 1+float64(i)/3)
			s.add(client, analysis, stats.Threat, date, data)
			s.add(client, analysis, stats.Vulnerability, date, data)
			s.add(client, analysis, stats.Compliance, date, complianceOf(id, name))
		}
	}
}

// quoted is a text as JSON writes it.
func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings can always be written
	}
	return string(encoded)
}

func complianceOf(id, name string) string {
	category := func(n int, value float64) string {
		label := quoted(fmt.Sprintf("%d %s", n, name))
		return fmt.Sprintf(`{"label1":%[1]s,"label2":%[1]s,"label3":%[1]s,"label4":%[1]s,"value":%[2]v,"controls":[]}`, label, value)
	}
	list := func(base float64) string {
		return "[" + category(1, base) + "," + category(2, base+0.1) + "," + category(3, base+0.2) + "]"
	}
	return fmt.Sprintf(`[{"referential":%q,"label1":%[2]s,"label2":%[2]s,"label3":%[2]s,"label4":%[2]s,"current":%s,"target":%s}]`,
		id, quoted(name), list(0.3), list(0.6))
}
