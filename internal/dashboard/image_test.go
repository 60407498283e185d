// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/stats"
)

// images are the addresses of all images.
var images = []string{
	"top-threats", "top-vulnerabilities", "risks-informational", "risks-operational",
	"evolution", "threats", "vulnerabilities", "risks", "compliance", "map",
	"cartography-informational-current", "cartography-informational-residual",
	"cartography-operational-current", "cartography-operational-residual",
}

// Colours of the pages that tell what a picture shows.
var (
	accent     = color.RGBA{R: 0x0a, G: 0x5f, B: 0x86, A: 0xff} // bars
	highRisks  = color.RGBA{R: 253, G: 102, B: 31, A: 0xff}
	mediumRisk = color.RGBA{R: 255, G: 188, B: 28, A: 0xff}
	lowRisks   = color.RGBA{R: 0xc5, G: 0xd3, B: 0x8c, A: 0xff}
	firstLine  = color.RGBA{R: 0x0a, G: 0x6a, B: 0xa1, A: 0xff}
	secondLine = color.RGBA{R: 0xb3, G: 0x47, B: 0x0c, A: 0xff}
	mostRisks  = color.RGBA{R: 0x07, G: 0x41, B: 0x5e, A: 0xff}
	darkCard   = color.RGBA{R: 0x17, G: 0x20, B: 0x27, A: 0xff}
)

// image asks for an image, which is there.
func (s *service) image(path string) image.Image {
	s.t.Helper()
	got := s.get(path)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "image/png" {
		s.t.Fatalf("%s answers %d %s\n%.300s", path, got.status, got.header.Get("Content-Type"), got.body)
	}
	drawn, err := png.Decode(strings.NewReader(got.body))
	if err != nil {
		s.t.Fatalf("%s: %v", path, err)
	}
	return drawn
}

// pixels counts the pixels of a colour.
func pixels(drawn image.Image, c color.RGBA) int {
	n := 0
	for y := range drawn.Bounds().Dy() {
		for x := range drawn.Bounds().Dx() {
			if color.RGBAModel.Convert(drawn.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

func TestEveryImage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addMonth()
	shows := map[string][]color.RGBA{
		"top-threats": {accent}, "top-vulnerabilities": {accent},
		"risks-informational": {highRisks, mediumRisk, lowRisks}, "risks-operational": {highRisks, mediumRisk, lowRisks},
		"evolution": {firstLine, secondLine}, "compliance": {firstLine}, "map": {secondLine},
		"cartography-informational-current": {mostRisks},
	}
	for _, id := range images {
		light := s.image("/stats/" + id + ".png?days=365")
		if light.Bounds().Dx() != chart.DefaultWidth || light.Bounds().Dy() < 250 {
			t.Errorf("%s is %v", id, light.Bounds())
		}
		for _, c := range shows[id] {
			if n := pixels(light, c); n < 100 {
				t.Errorf("%s has %d pixels of the colour %v", id, n, c)
			}
		}
		dark := s.image("/stats/" + id + ".png?days=365&theme=dark&width=600&height=500&lang=de")
		if dark.Bounds().Size() != image.Pt(600, 500) && id != "compliance" || pixels(dark, darkCard) < 1000 || color.RGBAModel.Convert(dark.At(2, 2)) != darkCard {
			t.Errorf("%s in dark is %v", id, dark.Bounds())
		}
	}
}

func TestImageParameters(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addFigures()
	body := func(path string) string { return s.get(path).body }
	standard := body("/stats/top-threats.png")
	for _, query := range []string{"days=30", "from=2026-03-01&to=2026-03-10", "local_stats_only=1", "lang=fr", "lang=de", "lang=nl", "top=10", "by=occurrence", "order=lowest", "theme=dark", "width=800", "height=900"} {
		if body("/stats/top-threats.png?"+query) == standard {
			t.Errorf("%s changes nothing", query)
		}
	}
	if body("/stats/top-threats.png?top=5&theme=light&width=1000") != standard {
		t.Error("what is so by itself changes the picture")
	}
	lines := body("/stats/evolution.png?days=365")
	for _, query := range []string{"of=risks", "group=day", "object=" + fire, "object=" + fire + "&invert=1"} {
		if body("/stats/evolution.png?days=365&"+query) == lines {
			t.Errorf("%s changes nothing", query)
		}
	}
	if body("/stats/threats.png") != body("/stats/evolution.png?days=365") {
		t.Error("the picture beside the public JSON route is not that of its year")
	}
}

func TestImageRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	want := map[string]map[string]string{
		"width=319":         {"width": "must be a number of pixels from 320 to 2400"},
		"width=2401":        {"width": "must be a number of pixels from 320 to 2400"},
		"width=-1":          {"width": "must be a number of pixels from 320 to 2400"},
		"width=wide":        {"width": "must be a number of pixels from 320 to 2400"},
		"height=199":        {"height": "must be a number of pixels from 200 to 2400"},
		"height=1e3":        {"height": "must be a number of pixels from 200 to 2400"},
		"theme=red":         {"theme": "must be one of [light dark]"},
		"top=7&width=1":     {"top": "must be one of [5 10 15]"},
		"lang=xx":           {"lang": "must be one of [en fr de nl]"},
		"days=0":            {"days": "must be a number of days from 1 to 36500"},
		"from=2026-13-01":   {"from": `"2026-13-01" is not a date: use YYYY-MM-DD`},
		"local_stats_only=": nil,
	}
	for query, fields := range want {
		for _, id := range []string{"top-threats", "map", "risks"} {
			got := s.get("/stats/" + id + ".png?" + query)
			if fields == nil {
				if got.status != http.StatusOK {
					t.Errorf("%s answers %d", query, got.status)
				}
				continue
			}
			var problem struct{ Errors map[string]string }
			if err := json.Unmarshal([]byte(got.body), &problem); err != nil || got.status != http.StatusBadRequest {
				t.Fatalf("%s answers %d: %v", query, got.status, err)
			}
			if diff := cmp.Diff(fields, problem.Errors); diff != "" {
				t.Errorf("%s (-want +got)\n%s", query, diff)
			}
		}
	}
}

// TestTooManyObjects bounds how many lines a page, its picture and its export choose.
func TestTooManyObjects(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, path := range []string{"/stats/evolution", "/stats/evolution.png", "/stats/evolution.svg", "/stats/evolution.csv"} {
		for count, want := range map[int]int{500: http.StatusOK, 501: http.StatusBadRequest} {
			query := strings.TrimSuffix(strings.Repeat("object="+fire+"&", count), "&")
			if got := s.get(path + "?" + query); got.status != want {
				t.Errorf("%s of %d objects answers %d, want %d: %.300s", path, count, got.status, want, got.body)
			}
		}
	}
}

func TestImageHeaders(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addOneThreat()
	const path = "/stats/top-threats.png?days=30"
	first := s.get(path)
	tag := first.header.Get("ETag")
	want := map[string]string{
		"Cache-Control": "public, max-age=60", "Vary": "Accept-Encoding, Accept-Language", "Content-Encoding": "",
		"Content-Disposition": `inline; filename="top-threats-2026-02-13-2026-03-15.png"`,
	}
	for name, value := range want {
		if got := first.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if again := s.get(path, "If-None-Match", known); again.status != http.StatusNotModified || again.body != "" || again.header.Get("ETag") != tag {
			t.Errorf("to one who has %s it answers %d with %d bytes", known, again.status, len(again.body))
		}
	}
	if other := s.get(path+"&lang=fr", "If-None-Match", tag); other.status != http.StatusOK {
		t.Errorf("in another language it answers %d", other.status)
	}
	s.add(s.client("Two", 49, 6, true), uuid.New(), stats.Threat, today, objectOf(flood, "Flood", 3, 12, 2))
	if changed := s.get(path, "If-None-Match", tag); changed.status != http.StatusOK {
		t.Errorf("with other figures it answers %d", changed.status)
	}
}

func TestImageHead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addOneThreat()
	response, err := http.Head(s.url + "/stats/top-threats.png")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "image/png" || response.Header.Get("ETag") != s.get("/stats/top-threats.png").header.Get("ETag") {
		t.Errorf("HEAD answers %d %v", response.StatusCode, response.Header)
	}
}

func TestImagesOfTurnedOffPages(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *dashboard.PageOptions) { o.Active = []string{"map", "help"} })
	for _, id := range images {
		want := http.StatusNotFound
		if id == "map" {
			want = http.StatusOK
		}
		if got := s.get("/stats/" + id + ".png").status; got != want {
			t.Errorf("%s answers %d, want %d", id, got, want)
		}
	}
}

// TestImagesOfNothing also shows a period without figures.
func TestImagesOfNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, id := range images {
		drawn := s.image("/stats/" + id + ".png")
		for _, c := range []color.RGBA{accent, highRisks, firstLine, secondLine, mostRisks} {
			if n := pixels(drawn, c); n > 0 {
				t.Errorf("%s shows something: %d pixels of %v", id, n, c)
			}
		}
		if faint := (color.RGBA{R: 0xee, G: 0xf1, B: 0xf3, A: 0xff}); pixels(drawn, faint) < 50_000 {
			t.Errorf("%s does not say that it is empty", id)
		}
	}
}

// TestImagesHideFigures shows that what a single client has sent has no bar.
func TestImagesHideFigures(t *testing.T) {
	t.Parallel()
	open, guarded, closed := setup(t), setup(t, minClients(2)), setup(t, minClients(3))
	bars := map[*service]int{}
	for _, s := range []*service{open, guarded, closed} {
		s.addShared()
		bars[s] = pixels(s.image("/stats/top-threats.png"), accent)
	}
	if bars[open] <= bars[guarded] || bars[guarded] == 0 || bars[closed] != 0 {
		t.Errorf("the bars have %d pixels, %d for two clients, %d for three", bars[open], bars[guarded], bars[closed])
	}
	if n := pixels(guarded.image("/stats/map.png"), secondLine); n > 0 {
		t.Errorf("a place with one client has %d pixels", n)
	}
}

func TestImagesOfHostileNames(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.addHostile()
	for _, path := range []string{
		"top-threats.png?top=10", "top-vulnerabilities.png?top=15&theme=dark", "evolution.png?top=15", "compliance.png", "map.png",
		"compliance.png?width=320&lang=nl", "map.png?width=320", "evolution.png?width=320&height=200&lang=fr",
	} {
		if drawn := s.image("/stats/" + path); drawn.Bounds().Dx() < 320 {
			t.Errorf("%s is %v", path, drawn.Bounds())
		}
	}
}

// TestPageLinksToImages follows the links of the pages.
func TestPageLinksToImages(t *testing.T) {
	t.Parallel()
	s := setupBelow(t, "/monarc")
	s.addMonth()
	for page, want := range map[string]int{"/stats": 4, "/stats/evolution": 1, "/stats/cartography": 4, "/stats/compliance": 2, "/stats/map": 1} {
		parts := strings.Split(s.get(page+"?days=30").body, `<a href="/monarc`)
		found := 0
		for _, part := range parts {
			address, _, _ := strings.Cut(part, `"`)
			if !strings.Contains(address, ".png?") {
				continue
			}
			found++
			if got := s.get(strings.ReplaceAll(address, "&amp;", "&")); got.status != http.StatusOK || !bytes.HasPrefix([]byte(got.body), []byte("\x89PNG")) {
				t.Errorf("%s: %s answers %d", page, address, got.status)
			}
		}
		if found != want {
			t.Errorf("%s links to %d pictures, want %d", page, found, want)
		}
	}
}
