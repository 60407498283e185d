// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
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
		document, err := ReadDocument(of, data)
		if err != nil || len(document.Observations) == 0 {
			t.Errorf("%s: %d observations, %v", of, len(document.Observations), err)
		}
		checkConsistent(t, of, document.Observations)
	}
}

// body is what a front office posts of an analysis.
func body() []byte {
	var items [][]byte
	for of, data := range analysis() {
		items = append(items, fmt.Appendf(nil, `{"anr":%q,"type":%q,"date":"2026-03-01","data":%s}`, fireID, of, data))
	}
	return slices.Concat([]byte("["), bytes.Join(items, []byte(",")), []byte("]"))
}

// BenchmarkParseBatch reads a post whose documents are new, and one whose
// documents are known.
func BenchmarkParseBatch(b *testing.B) {
	posted := body()
	all := func(sent []SentDocument) (map[SentDocument]Digest, error) {
		digests := make(map[SentDocument]Digest, len(sent))
		for _, document := range sent {
			digests[document] = Digest{}
		}
		return digests, nil
	}
	for name, known := range map[string]Known{"new": nil, "known": all} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(posted)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseBatch(posted, known, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
