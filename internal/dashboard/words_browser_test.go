// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestReadersWithoutCharts does what readers do who do not look at charts.
func TestReadersWithoutCharts(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	s := setup(t)
	s.addMonth()
	tests := map[string]func(*tab, *service){
		"switch":          readerSwitchesByKey,
		"without scripts": readerWithoutScripting,
		"narrow":          readerReadsEveryLanguage,
		"problems":        readerMeetsProblems,
		"paper":           readerSeesPaper,
		"welcome":         readerIsWelcome,
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			tab := openTab(t, browser, s)
			read(tab, s)
			tab.expectPeace()
		})
	}
}

func readerSwitchesByKey(b *tab, s *service) {
	b.load(s.url + "/stats/map?days=30&lang=en")
	for _, step := range []struct{ key, checked, search string }{
		{" ", "true", "?days=30&lang=en&local_stats_only=1"}, {kb.Enter, "false", "?days=30&lang=en"},
	} {
		b.do(chromedp.Focus(chromedp.CSS(".toggle")), chromedp.KeyEvent(step.key))
		b.until(fmt.Sprintf(`location.search === %q && document.documentElement.dataset.ready === 'true'`, step.search))
		if got := eval[string](b, `document.querySelector('.toggle').getAttribute('aria-checked')`); got != step.checked {
			b.t.Errorf("%s: the switch is %s, want %s", step.search, got, step.checked)
		}
	}
}

// readerWithoutScripting sees all charts where no script runs.
func readerWithoutScripting(b *tab, s *service) {
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	for _, path := range []string{"/stats", "/stats/evolution", "/stats/cartography", "/stats/compliance", "/stats/map", objectPath, "/stats/periods", "/stats/report"} {
		b.do(chromedp.Navigate(s.url + path))
		b.until(`document.readyState === 'complete'`)
		got := eval[[]float64](b, `(() => {
			const height = (selector) => [...document.querySelectorAll(selector)].map((e) => e.getBoundingClientRect().height);
			return [Math.max(0, ...height('.tip, .theme')), Math.min(...[...document.querySelectorAll('.plot svg')].filter((svg) => svg.checkVisibility()).map((svg) => svg.getBoundingClientRect().height)), height('.chart').length];
		})()`)
		if got[0] != 0 || got[1] < 50 || got[2] == 0 {
			b.t.Errorf("%s: %v charts leave %v pixels empty, the lowest drawing has %v", path, got[2], got[0], got[1])
		}
	}
}

// brokenLinesScript lists texts with more lines than words.
const brokenLinesScript = `[...document.querySelectorAll('.welcome li, .welcome p')].flatMap((part) => [...part.childNodes]).filter((node) => node instanceof Text).filter((node) => {
	const range = document.createRange();
	range.selectNodeContents(node);
	return range.getClientRects().length > node.textContent.trim().split(/\s+/).length;
}).map((node) => node.textContent.trim())`

// readerIsWelcome reads the first page of a fresh instance.
func readerIsWelcome(b *tab, _ *service) {
	fresh := setup(b.t)
	tab := openTabLike(b, fresh)
	for _, lang := range []string{"en", "fr", "de", "nl"} {
		tab.load(fresh.url + "/stats?lang=" + lang)
		for _, width := range []int64{320, 1280} {
			tab.do(chromedp.EmulateViewport(width, 800))
			tab.painted()
			if cut := eval[[]string](tab, brokenLinesScript); len(cut) > 0 {
				tab.t.Errorf("%s at %d: words break in %q", lang, width, cut)
			}
		}
		expectNoOverflow(tab)
	}
	tab.expectPeace()
}

// brokenWordsScript lists texts that do not fit into their place without breaking a word.
const brokenWordsScript = `(() => {
	const style = document.createElement('style');
	const parts = [...document.querySelectorAll('.headline h3, .headline p, .facts dt, h1, .places h3, .button')];
	for (const part of parts) { part.style.overflowWrap = 'normal'; }
	return parts.filter((part) => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0).map((part) => part.textContent.trim());
})()`

func readerReadsEveryLanguage(b *tab, s *service) {
	for _, lang := range []string{"en", "fr", "de", "nl"} {
		for _, path := range []string{"/stats?", "/stats/map?", "/about?", "/help?", "/stats?from=2026-02-02&to=2026-02-01&"} {
			b.do(chromedp.EmulateViewport(320, 800))
			b.load(s.url + path + "lang=" + lang)
			for width, size := range map[int64]string{320: "", 640: "200%", 768: ""} {
				b.do(chromedp.EmulateViewport(width, 800))
				eval[bool](b, fmt.Sprintf(`document.documentElement.style.fontSize = %q; true`, size))
				b.painted()
				if got := eval[int64](b, `document.documentElement.scrollWidth`); got > width {
					b.t.Errorf("%s%s is %d pixels wide on a screen of %d", path, lang, got, width)
				}
				if cut := eval[[]string](b, brokenWordsScript); len(cut) > 0 {
					b.t.Errorf("%s%s at %d %s: words break in %q", path, lang, width, size, cut)
				}
			}
		}
	}
	b.takeProblems() // the browser's own notes about pages with status 400
}

func readerMeetsProblems(b *tab, s *service) {
	for _, path := range []string{"/nope", "/stats?from=2026-02-02&to=2026-02-01", "/stats?embed=1&chart=x", "/stats?top=1&top=2"} {
		b.prefer("light")
		b.load(s.url + path)
		for _, theme := range []string{"light", "dark"} {
			b.prefer(theme)
			b.until(`document.documentElement.dataset.theme === '` + theme + `'`)
			expectAccessible(b, theme)
		}
		for _, problem := range b.takeProblems() {
			if !strings.Contains(problem, "status of 40") {
				b.t.Errorf("%s: %s", path, problem)
			}
		}
	}
	b.load(s.url + "/stats?lang=en&local_stats_only=1&from=2026-03-10&to=2026-03-01")
	b.takeProblems()
	eval[bool](b, `document.querySelector('[name=from]').value = '2026-02-20'; true`)
	b.do(chromedp.Click(chromedp.CSS(`.custom button`)))
	b.until(`document.title.startsWith('The state of risks') && document.documentElement.dataset.ready === 'true'`)
	if got := eval[string](b, `document.querySelector('.standfirst').textContent`); !strings.Contains(got, "20 Feb 2026 to 1 Mar 2026, only local organisations") {
		b.t.Errorf("after mending the dates the page is about %q", got)
	}
}

func readerSeesPaper(b *tab, s *service) {
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
	b.load(s.url + "/stats?local_stats_only=1")
	text := eval[string](b, `document.body.innerText`)
	for _, want := range []string{"only local organisations", "/stats?from=2025-12-15&lang=en&local_stats_only=1&to=2026-03-15"} {
		if !strings.Contains(text, want) {
			b.t.Errorf("the paper has no %s", want)
		}
	}
	if strings.Contains(text, "365 days") {
		b.t.Error("the paper has what only the screen can do")
	}
}
