package stats

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// analysis returns the five stats of one analysis, as large as those that a
// front office sends in a day.
func analysis() map[Type][]byte {
	return map[Type][]byte{
		Risk:          riskData(),
		Threat:        objectData(45),
		Vulnerability: objectData(120),
		Cartography:   cartographyData(),
		Compliance:    complianceData(),
	}
}

func join(open, end string, n int, element func(i int) string) string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = element(i)
	}
	return open + strings.Join(elements, ",") + end
}

func objectData(n int) []byte {
	return []byte(join("[", "]", n, func(i int) string {
		return fmt.Sprintf(`{"uuid":"b402d4e0-4576-11e9-9173-%012x","label1":"Vol de mat\u00e9riel n\u00b0 %d",`+
			`"label2":"Theft of equipment no. %d","label3":"Diebstahl von Ger\u00e4ten Nr. %d","label4":null,`+
			`"count":%d,"maxRisk":%d,"averageRate":"%d.%02d"}`, i, i, i, i, 1+i%20, i%60-1, i%5, i%100)
	}))
}

func riskData() []byte {
	kinds := func(of string) string {
		return join("{", "}", 2, func(i int) string { return fmt.Sprintf("%q:%s", Kinds()[i], of) })
	}
	states := func(of string) string {
		return join("{", "}", 2, func(i int) string { return fmt.Sprintf("%q:%s", States()[i], of) })
	}
	levels := join("[", "]", 3, func(i int) string {
		return fmt.Sprintf(`{"level":%q,"value":%d}`, Levels()[i], 10*i)
	})
	return []byte(`{"total":` + states(kinds("30")) + `,"risks":` + states(kinds(levels)) + `}`)
}

func cartographyData() []byte {
	row := join("{", "}", 12, func(i int) string { return fmt.Sprintf(`"%d":%d`, 2*i, i) })
	cells := join("[", "]", 5, func(int) string { return row })
	kinds := fmt.Sprintf(`{"informational":%s,"operational":%s}`, cells, cells)
	return fmt.Appendf(nil, `{"scales":{"impact":[0,1,2,3,4],"likelihood":[0,2,4]},"risks":{"current":%s,"residual":%s}}`, kinds, kinds)
}

func complianceData() []byte {
	categories := join("[", "]", 14, func(i int) string {
		controls := join("[", "]", 8, func(j int) string {
			return fmt.Sprintf(`{"code":"%d.%d","measure":"267fc596-f705-11e8-b555-%012x","value":"0.20"}`, i, j, i*j)
		})
		return fmt.Sprintf(`{"label1":"Politique %d","label2":"Policy %d","label3":"","label4":null,"value":"0.4%d","controls":%s}`, i, i, i%10, controls)
	})
	return fmt.Appendf(nil, `[{"referential":"98ca84fb-db87-11e8-ac77-0800279aaa2b","label1":"ISO 27002","label2":"ISO 27002",`+
		`"label3":"ISO 27002","label4":"ISO 27002","current":%s,"target":%s}]`, categories, categories)
}

func sizeOf(analysis map[Type][]byte) (n int64) {
	for _, data := range analysis {
		n += int64(len(data))
	}
	return n
}

// TestAnalysisIsRealistic keeps the benchmarks honest: they measure 50 to 60 KB
// that are accepted.
func TestAnalysisIsRealistic(t *testing.T) {
	t.Parallel()
	five := analysis()
	if n := sizeOf(five); n < 50_000 || n > 70_000 {
		t.Errorf("an analysis has %d bytes", n)
	}
	for of, data := range five {
		observations, err := Observations(of, data)
		if err != nil || len(observations) == 0 {
			t.Errorf("%s: %d observations, %v", of, len(observations), err)
		}
		checkConsistent(t, of, observations)
	}
}

func BenchmarkObservations(b *testing.B) {
	five := analysis()
	b.SetBytes(sizeOf(five))
	b.ReportAllocs()
	for b.Loop() {
		for of, data := range five {
			if _, err := Observations(of, data); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	five := analysis()
	b.SetBytes(sizeOf(five))
	b.ReportAllocs()
	for b.Loop() {
		for _, data := range five {
			if _, err := Canonical(data); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkContentID(b *testing.B) {
	client := uuid.MustParse("11111111-1111-4111-8111-111111111111")
	five := analysis()
	b.SetBytes(sizeOf(five))
	b.ReportAllocs()
	for b.Loop() {
		for of, data := range five {
			stat := Stat{Type: of, Date: time.Unix(0, 0).UTC(), Data: data}
			if _, err := ContentID(client, stat); err != nil {
				b.Fatal(err)
			}
		}
	}
}
