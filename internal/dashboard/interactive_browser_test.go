// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"

	"github.com/monarc-project/stats-service/internal/sample"
)

// readyScript notes when the scripts of a page are done with it: from then on
// all charts are there and answer to the reader.
const readyScript = `new MutationObserver((_, observer) => {
	if (document.documentElement.dataset.ready === 'true') {
		window.readyAfter = performance.now();
		observer.disconnect();
	}
}).observe(document, { attributes: true, subtree: true, attributeFilter: ['data-ready'] });`

// BenchmarkInteractive opens pages with a year of 200 analyses, weekly, each time
// in a new tab that has nothing from the last one, and reports after how many milliseconds a
// page is there and answers: the median, and the longest, and how many of them the service
// took. The service keeps nothing either, so that every page is computed again. The last
// page has no figures: it takes what the browser needs for any page.
func BenchmarkInteractive(b *testing.B) {
	s := setup(b)
	s.addSample(sample.Options{Clients: 4, Analyses: 50})
	browser := startBrowser(b)
	for _, path := range []string{"/stats", "/stats?days=365", "/stats/evolution?days=365", "/stats/map", "/about"} {
		b.Run(path, func(b *testing.B) {
			var times, waits []float64
			for b.Loop() {
				tab := openTab(b, browser, s)
				tab.do(call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: readyScript}))
				tab.load(s.url + path)
				times = append(times, eval[float64](tab, `window.readyAfter`))
				waits = append(waits, eval[float64](tab, `(({ requestStart, responseStart }) => responseStart - requestStart)(performance.getEntriesByType('navigation')[0])`))
			}
			slices.Sort(times)
			slices.Sort(waits)
			b.ReportMetric(0, "ns/op") // has the opening of the tab in it
			b.ReportMetric(times[len(times)/2], "median-ms")
			b.ReportMetric(times[len(times)-1], "longest-ms")
			b.ReportMetric(waits[len(waits)/2], "service-ms")
		})
	}
}
