// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// catalogue reads the texts of a language; plural forms are joined.
func catalogue(t *testing.T, code string) map[string]string {
	t.Helper()
	var raw map[string]any
	if _, err := toml.DecodeFile("locales/"+code+".toml", &raw); err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string, len(raw))
	for id, value := range raw {
		switch v := value.(type) {
		case string:
			texts[id] = v
		case map[string]any:
			for _, form := range v {
				texts[id] += form.(string)
			}
		}
		if strings.TrimSpace(texts[id]) == "" {
			t.Errorf("%s: %s is empty", code, id)
		}
	}
	return texts
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

func placeholders(text string) []string {
	names := map[string]bool{}
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		names[match[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func TestCataloguesAgree(t *testing.T) {
	t.Parallel()
	english := catalogue(t, "en")
	for _, code := range languageCodes()[1:] {
		other := catalogue(t, code)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(other))); diff != "" {
			t.Errorf("ids (-en +%s)\n%s", code, diff)
		}
		for id, text := range english {
			if diff := cmp.Diff(placeholders(text), placeholders(other[id])); diff != "" {
				t.Errorf("%s mentions (-en +%s)\n%s", id, code, diff)
			}
		}
	}
}

// computedIDs lists the ids that the pages put together from parts.
func computedIDs() []string {
	var ids []string
	add := func(prefix string, names ...string) {
		for _, name := range names {
			ids = append(ids, prefix+name)
		}
	}
	add("nav_", PageNames()...)
	add("title_", append(PageNames(), pageAPI)...)
	add("measure_", measures...)
	add("measure_note_", measures...)
	for _, note := range []string{"", "note_"} {
		add("measure_"+note, byProbability+"_"+ofVulnerabilities)
	}
	add("measure_", byProbability+"_"+ofBoth)
	for _, judgements := range better {
		for _, judgement := range judgements {
			add("", judgement)
		}
	}
	add("finding_high_", "up", "down", "same")
	add("subject_one_", ofThreats, ofVulnerabilities)
	add("title_", pageSearch, pagePeriods, pageReport)
	add("state_small_", stats.States()...)
	add("order_", orders...)
	add("feed_", "threat_risen", "threat_fallen", "vulnerability_risen", "vulnerability_fallen")
	add("subject_", subjects...)
	add("group_", groupings...)
	add("evolution_note_", groupings...)
	add("evolution_title_", subjects...)
	add("mean_of_all_", ofThreats, ofVulnerabilities)
	for _, of := range []string{ofThreats, ofVulnerabilities} {
		add("top_title_"+of+"_", orders...)
	}
	for _, l := range levelCodes {
		add("level_", l.code)
		add("headline_", l.code)
	}
	for _, l := range riskLines() {
		add("line_", l.code)
	}
	for _, kind := range stats.Kinds() {
		add("", "risks_title_"+kind, "axis_likelihood_"+kind, "cartography_most_"+kind)
		for _, state := range stats.States() {
			add("", "cartography_title_"+kind+"_"+state)
		}
	}
	for _, status := range problemStatuses {
		add("problem_", "title_"+strconv.Itoa(status), "text_"+strconv.Itoa(status))
	}
	add("problem_", "title_"+problemDates, "text_"+problemDates)
	ids = append(ids, wrongValue, wrongPeriod)
	for _, id := range wrongTexts {
		ids = append(ids, id)
	}
	for _, band := range []disclosure.Band{disclosure.Lowest, disclosure.LowerMiddle, disclosure.UpperMiddle, disclosure.Highest} {
		add("band_", string(band))
	}
	for _, reason := range []disclosure.Unranked{disclosure.FewAnalyses, disclosure.FewOrganisations, disclosure.AllAlike, disclosure.NothingRecent} {
		add("unranked_", string(reason))
	}
	add("column_own", "", "_current", "_residual")
	for month := range 12 {
		add("month_", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}[month])
	}
	return append(ids, scriptTexts...)
}

var (
	inTemplates = regexp.MustCompile(`\.T "(\w+)"`)
	inCode      = regexp.MustCompile(`\.T\("([\w-]+)"[,)]`)
)

// usedIDs lists the ids that templates and code mention.
func usedIDs(t *testing.T) []string {
	t.Helper()
	used := map[string]bool{}
	for pattern, expression := range map[string]*regexp.Regexp{"templates/*.html": inTemplates, "*.go": inCode} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range expression.FindAllStringSubmatch(string(content), -1) {
				used[match[1]] = true
			}
		}
	}
	for _, id := range computedIDs() {
		used[id] = true
	}
	return slices.Sorted(maps.Keys(used))
}

// TestCataloguesAreUsed fails for a text that is missing and for one that
// nobody shows.
func TestCataloguesAreUsed(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(usedIDs(t), slices.Sorted(maps.Keys(catalogue(t, "en")))); diff != "" {
		t.Errorf("(-used +translated)\n%s", diff)
	}
}

func TestScriptTexts(t *testing.T) {
	t.Parallel()
	mentioned := map[string]bool{}
	names, err := filepath.Glob("static/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`texts\.(\w+)`).FindAllStringSubmatch(string(content), -1) {
			mentioned[match[1]] = true
		}
	}
	for id := range mentioned {
		if !slices.Contains(scriptTexts, id) {
			t.Errorf("the scripts mention %s, which the page does not give them", id)
		}
	}
}

func localeOf(t *testing.T, code string) locale {
	t.Helper()
	texts, err := loadTranslations()
	if err != nil {
		t.Fatal(err)
	}
	return texts.choose(code, "")
}

func TestNumbersAndDates(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, time.March, 5, 0, 0, 0, 0, time.UTC)
	want := map[string][]string{
		"en": {"1,234,567", "1,235", "12.3", "2.90", "0", "5 Mar 2026", "Week of 5 Mar 2026", "Mar 2026", "Q1 2026", "2026", "1 organisation", "1,000 organisations"},
		"fr": {"1 234 567", "1 235", "12,3", "2,90", "0", "5 mars 2026", "Semaine du 5 mars 2026", "mars 2026", "T1 2026", "2026", "1 organisation", "1 000 organisations"},
		"de": {"1.234.567", "1.235", "12,3", "2,90", "0", "5. März 2026", "Woche vom 5. März 2026", "März 2026", "1. Quartal 2026", "2026", "1 Organisation", "1.000 Organisationen"},
		"nl": {"1.234.567", "1.235", "12,3", "2,90", "0", "5 mrt 2026", "Week van 5 mrt 2026", "mrt 2026", "1e kwartaal 2026", "2026", "1 organisatie", "1.000 organisaties"},
	}
	spaces := strings.NewReplacer("\u00a0", " ", "\u202f", " ")
	for code, texts := range want {
		l := localeOf(t, code)
		got := []string{l.Integer(1234567), l.Number(1234.6), l.Number(12.34), l.Number(2.9), l.Number(0), l.Date(date)}
		for _, grouping := range groupings[1:] {
			got = append(got, l.Group(grouping, date))
		}
		got = append(got, l.T("organisations", "Count", 1), l.T("organisations", "Count", 1000))
		for i := range got {
			got[i] = spaces.Replace(got[i])
		}
		if diff := cmp.Diff(texts, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", code, diff)
		}
	}
}

// TestTypographyOfLanguages holds the catalogues to the quotation marks and spaces of their languages.
func TestTypographyOfLanguages(t *testing.T) {
	t.Parallel()
	wrong := map[string]*regexp.Regexp{
		"en": regexp.MustCompile(`['"„«»]`),
		"fr": regexp.MustCompile(`['“”„]|[ \x{a0}][:;!?%»]|[^ \x{202f}][;!?%»]|« |«[^\x{202f}]`),
		"de": regexp.MustCompile(`['"”«»’]|\d ?%|^“|[ (]“`),
		"nl": regexp.MustCompile(`['"“”„«»]`),
	}
	for code, pattern := range wrong {
		for id, text := range catalogue(t, code) {
			if found := pattern.FindString(regexp.MustCompile(`{{.*?}}`).ReplaceAllString(text, "x")); found != "" {
				t.Errorf("%s: %s has %q in %q", code, id, found, text)
			}
		}
	}
}

// TestSecondNumberIsOne shows the grammar of a number that is not the one that chooses
// between singular and plural, and of the first of a month.
func TestSecondNumberIsOne(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	want := map[string][]string{
		"en": {"3 organisations in 1 place.", "3 organisations in 2 places.", "1 Mar 2026"},
		"fr": {"3 organisations dans 1 lieu.", "3 organisations dans 2 lieux.", "1er mars 2026"},
		"de": {"3 Organisationen an 1 Ort.", "3 Organisationen an 2 Orten.", "1. März 2026"},
		"nl": {"3 organisaties op 1 plaats.", "3 organisaties op 2 plaatsen.", "1 mrt 2026"},
	}
	for code, texts := range want {
		l := localeOf(t, code)
		got := []string{l.T("map_summary", "Count", 3, "Places", "1"), l.T("map_summary", "Count", 3, "Places", "2"), l.Date(first)}
		if diff := cmp.Diff(texts, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", code, diff)
		}
	}
}

func TestLabelInThePagesLanguage(t *testing.T) {
	t.Parallel()
	all := processor.LabelSet{Label1: "Feu", Label2: "Fire", Label3: "Feuer", Label4: "Brand"}
	tests := []struct {
		code   string
		labels processor.LabelSet
		want   string
	}{
		{"fr", all, "Feu"}, {"en", all, "Fire"}, {"de", all, "Feuer"}, {"nl", all, "Brand"},
		{"nl", processor.LabelSet{Label1: "Feu", Label2: "Fire"}, "Fire"},
		{"en", processor.LabelSet{Label4: "Brand"}, "Brand"},
		{"de", processor.LabelSet{}, "nameless"},
	}
	for _, tt := range tests {
		if got := localeOf(t, tt.code).Label(tt.labels, "nameless"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.code, got, tt.want)
		}
	}
}
