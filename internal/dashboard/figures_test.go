// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

var figurePages = map[string]int{
	"/stats?days=365&top=15": 4, "/stats/evolution?days=365": 1, "/stats/evolution?days=365&of=risks&group=day": 1,
	"/stats/cartography": 4, "/stats/compliance": 2, "/stats/map": 1, "/stats/map?world=1": 1, "/stats?embed=1&chart=top-threats": 1,
}

// TestFiguresInPages shows that pages have their charts as SVG: titled, described,
// without what the policy of the pages forbids, and with references into their tables.
func TestFiguresInPages(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	parts := regexp.MustCompile(`data-(row|series)="(\d+)"`)
	for path, want := range figurePages {
		body := s.get(path).body
		if found := regexp.MustCompile(`(?s)<body.*style=`).FindString(body); found != "" || strings.Contains(body, "<style") {
			t.Errorf("%s has styles of its own", path)
		}
		figures := strings.Split(body, "<figure ")[1:]
		if len(figures) != want {
			t.Errorf("%s has %d figures, want %d", path, len(figures), want)
		}
		for _, figure := range figures {
			layouts := strings.Count(figure, `<svg xmlns`)
			if layouts < 2 || strings.Count(figure, "<title ") != layouts || strings.Count(figure, "<desc ") != layouts {
				t.Errorf("%s: %d layouts in %.120s", path, layouts, figure)
			}
			rows := strings.Count(figure, "<tr>") - 1
			for _, part := range parts.FindAllStringSubmatch(figure, -1) {
				if len(part[2]) > 3 || rows == 0 || part[2] == "0" {
					t.Errorf("%s refers to row %s of %d", path, part[2], rows)
				}
			}
		}
	}
}

// TestPagesAreLight weighs what a first visit takes, compressed, and the scripts in it.
func TestPagesAreLight(t *testing.T) {
	t.Parallel()
	const mostPage, mostScript = 60 << 10, 15 << 10
	s := setup(t)
	s.addYear()
	files := regexp.MustCompile(`(?:href|src)="(/static/[^"]+\.(?:css|js|svg))"`)
	for path := range figurePages {
		page := s.get(path)
		weight, script := len(s.get(path, "Accept-Encoding", "gzip").body), 0
		seen := map[string]bool{}
		for _, file := range files.FindAllStringSubmatch(page.body, -1) {
			if seen[file[1]] {
				continue
			}
			seen[file[1]] = true
			size := len(s.get(file[1], "Accept-Encoding", "gzip").body)
			if weight += size; strings.HasSuffix(file[1], ".js") {
				script += size
			}
		}
		if weight > mostPage || script > mostScript || script == 0 {
			t.Errorf("%s takes %d bytes, %d of them scripts", path, weight, script)
		}
	}
}

// TestImagesAsSVG reads every chart as an SVG file, which needs nothing around it.
func TestImagesAsSVG(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	for _, id := range images {
		got := s.get("/stats/" + id + ".svg?lang=de&theme=dark")
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.header.Get("Content-Disposition"), id) {
			t.Errorf("%s.svg answers %d %v", id, got.status, got.header)
		}
		for decoder := xml.NewDecoder(strings.NewReader(got.body)); ; {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s.svg: %v", id, err)
			}
		}
		if !strings.Contains(got.body, `fill="#172027"`) || strings.Contains(got.body, "var(") || strings.Contains(got.body, "<script") {
			t.Errorf("%s.svg is not dark, or needs a page", id)
		}
	}
	if got := s.get("/stats/map.svg?width=1"); got.status != http.StatusBadRequest {
		t.Errorf("a width of 1 answers %d", got.status)
	}
}

// TestBlankLabels shows that a name of white space is none.
func TestBlankLabels(t *testing.T) {
	t.Parallel()
	s := setup(t)
	data := `[{"uuid":"` + fire + `","label1":"   ","label2":"Real name","label3":"\t","label4":"","count":1,"maxRisk":1,"averageRate":1}]`
	s.add(s.client("One", 49, 6, true), uuid.New(), stats.Threat, today, data)
	for _, path := range []string{"/stats/top-threats.csv?lang=fr", "/stats/top-threats.svg?lang=de", "/stats?lang=nl"} {
		if !strings.Contains(s.get(path).body, "Real name") {
			t.Errorf("%s does not have the name in another language", path)
		}
	}
}
