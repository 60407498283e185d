// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
)

//go:embed catalogue/*.tsv
var tables embed.FS

// A language is the language of an analysis. Front offices leave labels in other languages
// empty or null.
type language int

const (
	allLanguages language = iota
	dutchNull
	dutchEmpty
	languageCount
)

// object is a threat or a vulnerability of the catalogue.
type object struct {
	theme  string
	base   int                   // rate of a threat, level of a vulnerability
	course string                // how the rate of a threat develops
	head   [languageCount]string // the beginning of its JSON, up to the first value
}

type referential struct {
	head       string // the beginning of its JSON, up to the values
	categories []category
}

type category struct {
	head     string // the beginning of its JSON, up to the value
	controls []string
}

type catalogue struct {
	threats         []object
	vulnerabilities []object
	referentials    []referential
	themed          map[string][]int // vulnerabilities by theme
}

// loadCatalogue reads the embedded tables once. They are part of the program,
// so a mistake in them is a programming error and panics.
var loadCatalogue = sync.OnceValue(func() *catalogue {
	c := &catalogue{themed: make(map[string][]int)}
	for _, row := range table("threats") {
		o := newObject(row, row["rate"])
		o.course = row["course"]
		c.threats = append(c.threats, o)
	}
	for i, row := range table("vulnerabilities") {
		o := newObject(row, row["level"])
		c.vulnerabilities = append(c.vulnerabilities, o)
		c.themed[o.theme] = append(c.themed[o.theme], i)
	}
	categories := table("categories")
	for _, row := range table("referentials") {
		c.referentials = append(c.referentials, newReferential(row, categories))
	}
	return c
})

// table reads an embedded table whose first line names the columns.
func table(name string) []map[string]string {
	text, err := tables.ReadFile("catalogue/" + name + ".tsv")
	if err != nil {
		panic(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	rows := make([]map[string]string, 0, len(lines)-1)
	for i, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		if len(fields) != len(columns) {
			panic(fmt.Sprintf("catalogue/%s.tsv line %d: %d columns, want %d", name, i+2, len(fields), len(columns)))
		}
		row := make(map[string]string, len(columns))
		for j, column := range columns {
			row[column] = fields[j]
		}
		rows = append(rows, row)
	}
	return rows
}

func newObject(row map[string]string, base string) object {
	n, err := strconv.Atoi(base)
	if err != nil {
		panic(fmt.Sprintf("catalogue: %s: %v", row["label2"], err))
	}
	o := object{theme: row["theme"], base: n}
	for l := range o.head {
		head := append([]byte(`{"uuid":`), strconv.Quote(row["uuid"])...)
		head = append(head, ',')
		head = appendLabels(head, row, language(l))
		o.head[l] = string(append(head, `,"count":`...))
	}
	return o
}

func newReferential(row map[string]string, categories []map[string]string) referential {
	head := append([]byte(`{"referential":`), strconv.Quote(row["uuid"])...)
	head = append(head, ',')
	r := referential{head: string(appendLabels(head, row, allLanguages))}
	for _, c := range categories {
		if c["referential"] == row["uuid"] {
			r.categories = append(r.categories, newCategory(uuid.MustParse(row["uuid"]), c))
		}
	}
	return r
}

// newCategory renders the JSON of each control up to its value. The id of a
// control follows from its referential and its code.
func newCategory(referential uuid.UUID, row map[string]string) category {
	head := append(appendLabels([]byte{'{'}, row, allLanguages), `,"value":`...)
	c := category{head: string(head)}
	for code := range strings.SplitSeq(row["controls"], ",") {
		measure := uuid.NewSHA1(referential, []byte(code))
		c.controls = append(c.controls, fmt.Sprintf(`{"code":%q,"measure":%q,"value":`, code, measure))
	}
	return c
}

// appendLabels appends the members label1 to label4.
func appendLabels(dst []byte, row map[string]string, l language) []byte {
	for i, name := range []string{"label1", "label2", "label3", "label4"} {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, strconv.Quote(name)...)
		dst = append(dst, ':')
		switch {
		case name == "label4" && l == dutchNull:
			dst = append(dst, "null"...)
		case name == "label4" && l == dutchEmpty:
			dst = append(dst, `""`...)
		default:
			dst = appendString(dst, row[name])
		}
	}
	return dst
}
