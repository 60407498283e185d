// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/stats"
)

// archived are the files of the archive by name.
func archived(t *testing.T, body string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, file := range archive.File {
		opened, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		contents[file.Name] = string(content)
	}
	return contents
}

// dictionary is what the tests read of the data dictionary.
type dictionary struct {
	Licence struct {
		ID string `json:"@id"`
	} `json:"dc:license"`
	Tables []struct {
		URL    string
		Schema struct {
			Columns []struct {
				Name, Datatype string
				Description    string `json:"dc:description"`
			}
		} `json:"tableSchema"`
	}
}

// TestArchiveHasAllExports shows that the archive has what the exports have, and that its data
// dictionary describes every column and fits every value.
func TestArchiveHasAllExports(t *testing.T) {
	t.Parallel()
	const licence = "https://creativecommons.org/licenses/by/4.0/"
	s := setup(t, func(o *dashboard.PageOptions) { o.Licence, o.InstanceURL = licence, "https://stats.example.org" })
	s.addMonth()
	got := s.get("/stats/data.zip?days=30&lang=fr")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/zip" || !strings.Contains(got.header.Get("Content-Disposition"), "monarc-stats-") {
		t.Fatalf("the archive answers %d %v", got.status, got.header)
	}
	files := archived(t, got.body)
	for path, name := range map[string]string{"/stats/threats.csv": "threats.csv", "/stats/map.json": "map.json", "/stats/compliance.csv": "compliance.csv"} {
		if files[name] == "" || files[name] != s.get(path+"?days=30&lang=fr").body {
			t.Errorf("%s is not what %s answers", name, path)
		}
	}
	if want := "Analyses: 4. Organisations: 4."; !strings.Contains(files["README.txt"], want) {
		t.Errorf("the README does not say %q:\n%s", want, files["README.txt"])
	}
	if all, first := strings.Count(files["threats-period.csv"], "\n"), s.get("/stats/top-threats.csv?days=30&lang=fr&top=15").body; all <= 16 || !strings.HasPrefix(files["threats-period.csv"], first) {
		t.Errorf("of %d rows of all threats the first are not those with the highest rate", all)
	}
	var described dictionary
	if err := json.Unmarshal([]byte(files["csv-metadata.json"]), &described); err != nil {
		t.Fatal(err)
	}
	if described.Licence.ID != licence || !strings.Contains(files["README.txt"], licence) {
		t.Errorf("the licence is %s", described.Licence.ID)
	}
	if len(described.Tables) != 13 || len(files) != 2*13+2 {
		t.Errorf("%d tables are described in %d files", len(described.Tables), len(files))
	}
	for _, table := range described.Tables {
		rows, err := csv.NewReader(strings.NewReader(files[table.URL])).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Fatalf("%s: %d rows, %v", table.URL, len(rows), err)
		}
		for i, column := range table.Schema.Columns {
			if column.Name != rows[0][i] || column.Description == "" {
				t.Errorf("%s: column %s is described as %+v", table.URL, rows[0][i], column)
			}
			for _, row := range rows[1:] {
				if !fits(column.Datatype, row[i]) {
					t.Errorf("%s: %s is %q, no %s", table.URL, column.Name, row[i], column.Datatype)
				}
			}
		}
	}
	if again := s.get("/stats/data.zip?days=30&lang=fr"); again.header.Get("Etag") != got.header.Get("Etag") {
		t.Error("the same figures make another archive")
	}
}

// fits reports whether a value is of a type of CSV on the Web; none always is.
func fits(datatype, value string) bool {
	var err error
	switch {
	case value == "":
	case datatype == "date":
		_, err = time.Parse(time.DateOnly, value)
	case datatype == "number":
		_, err = strconv.ParseFloat(value, 64)
	case datatype == "integer":
		_, err = strconv.Atoi(value)
	default:
		return datatype == "string"
	}
	return err == nil
}

// TestArchiveOfFew leaves out what the pages suppress, and says so.
func TestArchiveOfFew(t *testing.T) {
	t.Parallel()
	s := setup(t, minClients(3))
	s.addShared()
	files := archived(t, s.get("/stats/data.zip").body)
	for name, content := range files {
		if strings.Contains(content, flood) {
			t.Errorf("%s has a threat of two clients", name)
		}
	}
	if !strings.Contains(files["README.txt"], "fewer than 3") || !strings.Contains(files["csv-metadata.json"], "fewer than 3") {
		t.Error("the archive does not say that figures are left out")
	}
	if !strings.Contains(s.get("/stats/data").body, "no licence") {
		t.Error("the page does not say that there is no licence")
	}
}

// TestFeedSaysWhatChanged shows that the feed says of each week what rose and fell, unless it looks alike
// when written or comes from too few analyses, however many stats they sent.
func TestFeedSaysWhatChanged(t *testing.T) {
	t.Parallel()
	s := setup(t, minAnalyses(3), func(o *dashboard.PageOptions) { o.InstanceURL = "https://stats.example.org" })
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	client, alone := s.client("One", 49.6, 6.1, true), uuid.New()
	for day := range 21 {
		date := monday.AddDate(0, 0, -day-1)
		s.add(client, alone, stats.Threat, date, objectOf(theft, "Theft", 1, 1, float64(21-day)/5))
		s.add(client, alone, stats.Risk, date, `{"risks":{"current":{"informational":[{"level":"High risks","value":4}]}}}`)
	}
	for week, rates := range map[int][2]float64{3: {0.998, 3.002}, 2: {1, 3}, 1: {2.5, 1}} {
		for range 3 {
			analysis := uuid.New()
			s.add(client, analysis, stats.Threat, monday.AddDate(0, 0, -7*week), objectOf(fire, "Fire", 1, 1, rates[0]))
			s.add(client, analysis, stats.Threat, monday.AddDate(0, 0, 1-7*week), objectOf(flood, "Flood <b>", 1, 1, rates[1]))
			s.add(client, analysis, stats.Vulnerability, monday.AddDate(0, 0, -7*week), objectOf(phishing, "Trust", 1, 1, rates[0]))
		}
	}
	got := s.get("/stats/feed.atom?lang=en")
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "application/atom+xml") {
		t.Fatalf("the feed answers %d %v", got.status, got.header)
	}
	var feed struct {
		ID      string `xml:"id"`
		Entries []struct {
			ID      string `xml:"id"`
			Content string `xml:"content"`
			Link    struct {
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(got.body), &feed); err != nil {
		t.Fatal(err)
	}
	if len(feed.Entries) != 1 {
		t.Fatalf("the feed has %d weeks: %s", len(feed.Entries), got.body)
	}
	entry := feed.Entries[0]
	if want := "Biggest rise among threats: Fire, from 1 to 2.50. Biggest fall among threats: Flood <b>, from 3 to 1. Biggest rise among vulnerabilities: Trust, from 1 to 2.50."; entry.Content != want {
		t.Errorf("the feed says %q, want %q", entry.Content, want)
	}
	if !strings.HasPrefix(entry.Link.Href, "https://stats.example.org/stats?from=") || !strings.HasPrefix(entry.ID, "urn:uuid:") || entry.ID == feed.ID {
		t.Errorf("the entry is %+v", entry)
	}
	if !strings.Contains(s.get("/stats").body, `type="application/atom+xml"`) {
		t.Error("pages do not name the feed")
	}
}
