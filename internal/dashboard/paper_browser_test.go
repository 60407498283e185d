// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"bytes"
	"encoding/xml"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// paper is a printed page with its words, in points from its upper left corner.
type paper struct {
	Width  float64 `xml:"width,attr"`
	Height float64 `xml:"height,attr"`
	Words  []struct {
		Left   float64 `xml:"xMin,attr"`
		Top    float64 `xml:"yMin,attr"`
		Right  float64 `xml:"xMax,attr"`
		Bottom float64 `xml:"yMax,attr"`
		Text   string  `xml:",chardata"`
	} `xml:"word"`
}

// papersOf reads a PDF with pdftotext of Poppler.
func papersOf(t testing.TB, pdf []byte) []paper {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Fatal("printed pages are read with pdftotext, which is not in PATH: install Poppler, on Debian with: apt-get install poppler-utils")
	}
	command := exec.CommandContext(t.Context(), "pdftotext", "-bbox", "-", "-")
	command.Stdin = bytes.NewReader(pdf)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("pdftotext: %v", err)
	}
	var read struct {
		Pages []paper `xml:"body>doc>page"`
	}
	decoder := xml.NewDecoder(bytes.NewReader(out))
	decoder.Strict, decoder.Entity, decoder.AutoClose = false, xml.HTMLEntity, xml.HTMLAutoClose
	if err := decoder.Decode(&read); err != nil {
		t.Fatalf("read the output of pdftotext: %v", err)
	}
	return read.Pages
}

// printedScript lists the texts of the charts that are to be on paper, and charts with
// shapes that the paper would cut. Those of maps are cut on purpose, at the frame.
const printedScript = `(() => {
	const texts = [], cut = [];
	for (const plot of document.querySelectorAll('.plot')) {
		const svg = [...plot.querySelectorAll('svg')].find((svg) => svg.checkVisibility());
		const frame = svg.getBoundingClientRect();
		if (frame.left < 0 || frame.right > innerWidth) cut.push(plot.closest('.chart').dataset.name + ' ends at ' + frame.right + ' of ' + innerWidth);
		for (const shape of svg.querySelectorAll(':is(rect, path, circle):not([clip-path] *, clipPath *, pattern *, .row)')) {
			const box = shape.getBoundingClientRect();
			if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)) {
				cut.push(plot.closest('.chart').dataset.name + ': ' + shape.outerHTML.slice(0, 120));
			}
		}
		for (const text of svg.querySelectorAll('text')) if (text.checkVisibility()) texts.push(text.textContent);
	}
	return { texts, cut };
})()`

// TestPaperCutsNothing prints every page with every kind of data to PDF, and finds all words within
// the pages and every text of the charts among them.
func TestPaperCutsNothing(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	year, odd, one := setup(t), setup(t), setup(t)
	year.addYear()
	odd.addHostile()
	one.addOneThreat()
	for name, tt := range map[string]struct {
		s     *service
		paths []string
	}{
		"a year":         {year, append(slices.Clone(chartPages), "/about", "/help", "/stats/data", "/stats/search?q=a", vulnerabilityPath)},
		"hostile labels": {odd, append([]string{"/stats?top=10", "/stats/evolution", "/stats/compliance", "/stats/map", "/stats/periods", "/stats/report"}, hostilePaths()...)},
		"one threat":     {one, []string{"/stats", "/stats/evolution", "/stats/report"}},
		"nothing":        {setup(t), []string{"/stats", "/stats/report"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := openTab(t, browser, tt.s)
			for _, path := range tt.paths {
				tab.load(tt.s.url + path)
				expectPaper(tab, path)
			}
			tab.expectPeace()
		})
	}
}

// paperWidth is the width of A4 between margins, in the pixels of a screen.
const paperWidth = 680

// expectPaper prints the page of the tab.
func expectPaper(b *tab, path string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(paperWidth, 900), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
	b.painted()
	printed := eval[struct{ Texts, Cut []string }](b, printedScript)
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}), chromedp.EmulateViewport(1280, 900))
	for _, cut := range printed.Cut {
		b.t.Errorf("%s: the paper cuts %s", path, cut)
	}
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	if err != nil {
		b.t.Fatal(err)
	}
	var found strings.Builder
	for n, paper := range papersOf(b.t, pdf) {
		for _, word := range paper.Words {
			found.WriteString(word.Text + " ")
			if word.Left < 0 || word.Top < 0 || word.Right > paper.Width || word.Bottom > paper.Height {
				b.t.Errorf("%s, page %d: %q is outside of the paper of %v × %v: %+v", path, n+1, word.Text, paper.Width, paper.Height, word)
			}
		}
	}
	for _, text := range printed.Texts {
		for _, word := range strings.Fields(text) {
			if !strings.Contains(found.String(), word) && !rightToLeft.MatchString(word) {
				b.t.Errorf("%s: %q of a chart is not on paper", path, word)
			}
		}
	}
}

// rightToLeft matches letters that are written from right to left: pdftotext returns them
// in the order in which they stand on paper.
var rightToLeft = regexp.MustCompile(`\p{Arabic}|\p{Hebrew}`)
