package dashboard

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

func dayOf(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

// TestOnlyTheGuardReads lets nobody else ask the store.
func TestOnlyTheGuardReads(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	asking := regexp.MustCompile(`(?i)\bstore\.[A-Z]|\.Store\b`)
	found := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		asks := asking.MatchString(strings.ReplaceAll(string(source), "*postgres.Store", "")) // a declaration
		switch {
		case strings.HasSuffix(name, "_test.go"):
		case strings.HasPrefix(name, "guard") && asks:
			found++
		case asks:
			t.Errorf("%s asks the store without the guard", name)
		}
	}
	if found < 2 {
		t.Error("the guard does not ask the store: this test looks for something else")
	}
}

// TestGuardLimits widens any period, whoever asks for it.
func TestGuardLimits(t *testing.T) {
	t.Parallel()
	g := guard{minClients: 2, today: dayOf("2026-03-11")}
	for _, tt := range []struct{ from, to, wantFrom, wantTo string }{
		{"2026-03-03", "2026-03-05", "2026-03-02", "2026-03-08"},
		{"2026-02-28", "2026-03-11", "2026-02-23", "2026-03-08"},
		{"2026-03-10", "2026-03-11", "2026-03-09", "2026-03-08"}, // nothing
		{"2030-01-01", "2030-01-01", "2029-12-31", "2026-03-08"},
	} {
		got := g.limit(stats.Filter{DateFrom: dayOf(tt.from), DateTo: dayOf(tt.to)})
		if !got.DateFrom.Equal(dayOf(tt.wantFrom)) || !got.DateTo.Equal(dayOf(tt.wantTo)) {
			t.Errorf("%s to %s became %s to %s", tt.from, tt.to, got.DateFrom, got.DateTo)
		}
	}
	// On a Monday the week before is over.
	if last := (guard{minClients: 2, today: dayOf("2026-03-09")}).lastDay(); !last.Equal(dayOf("2026-03-08")) {
		t.Errorf("the last day is %s", last)
	}
}

func TestShownPartsAreKept(t *testing.T) {
	t.Parallel()
	first := postgres.Figure{Start: dayOf("1970-01-05"), Key: stats.Key{Object: "a"}}
	later := postgres.Figure{Start: dayOf("2026-03-02"), Key: stats.Key{Object: "a"}}
	hidden := postgres.Figure{Start: dayOf("2026-03-02"), Key: stats.Key{Object: "b"}}
	parts := shownParts{first: {all: true}, later: {true, true}, hidden: {}}
	want := maps.Clone(parts)
	delete(want, hidden)
	if diff := cmp.Diff(want, partsOf(parts.keys()), cmp.AllowUnexported(shownIn{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestZeroIsOnlyShownAsZero keeps back a number that was 0 when it was decided
// about, and is not any more.
func TestZeroIsOnlyShownAsZero(t *testing.T) {
	t.Parallel()
	monday, of := dayOf("2026-03-02"), stats.Key{State: stats.Current, Kind: stats.Informational}
	level := of
	level.Level = stats.HighRisks
	parts := shownParts{{Start: monday, Key: of}: {all: true}}
	none := processor.DailySum{Date: monday, Key: level, Count: 5}
	some := none
	some.Sums[0] = udecimal.MustFromInt64(1, 0)
	elsewhere := none
	elsewhere.Key.Kind = stats.Operational
	got := parts.only([]processor.DailySum{none, some, elsewhere}, false)
	if !slices.Equal(got, []processor.DailySum{none}) || len(parts.only([]processor.DailySum{none}, true)) > 0 {
		t.Errorf("shown are %v", got)
	}
}
