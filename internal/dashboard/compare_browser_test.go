// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keyOf is the key of an organisation.
func (s *service) keyOf(name string) string {
	s.t.Helper()
	clients, err := s.store.ListClients(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, client := range clients {
		if client.Name == name {
			return client.Token
		}
	}
	s.t.Fatalf("there is no client %s", name)
	return ""
}

// firstClient is one that has stats of the sample data.
func (s *service) firstClient() (name, key string) {
	s.t.Helper()
	clients, err := s.store.ListClients(s.t.Context())
	if err != nil || len(clients) == 0 {
		s.t.Fatalf("%d clients, %v", len(clients), err)
	}
	return clients[0].Name, s.keyOf(clients[0].Name)
}

const (
	comparedReady = `document.querySelector('.compared') && document.documentElement.dataset.ready === 'true'`
	publicReady   = `!document.querySelector('.compared') && document.documentElement.dataset.ready === 'true'`
)

// enterKey opens the form of the page and sends a key.
func (b *tab) enterKey(key string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(".compare summary")), chromedp.SendKeys(chromedp.CSS(".compare input"), key+kb.Enter))
}

// readerCompares enters a key, which this tab keeps over choices and pages and nobody
// else gets, until the reader stops.
func readerCompares(b *tab, s *service) {
	name, key := s.firstClient()
	b.load(s.url + "/stats?days=365")
	before := eval[string](b, `location.href`)
	b.enterKey("wrong key")
	b.until(`document.querySelector('h1').textContent === 'This key is not accepted' && document.documentElement.dataset.ready === 'true'`)
	b.untilProblem("status of 403")
	if kept := eval[int](b, `sessionStorage.length`); kept != 0 {
		b.t.Errorf("the tab keeps a wrong key")
	}
	b.load(s.url + "/stats?days=365")
	eval[bool](b, `!!(window.marker = 1)`)
	b.enterKey(key)
	b.until(comparedReady)
	type seen struct {
		Address string `json:"address"`
		Marker  int    `json:"marker"`
		Said    string `json:"said"`
		Status  string `json:"status"`
		Heads   int    `json:"heads"`
		Charts  int    `json:"charts"`
		Cookies string `json:"cookies"`
		Stored  int    `json:"stored"`
		HTML    string `json:"html"`
	}
	got := eval[seen](b, `({
		address: location.href, marker: window.marker, said: document.querySelector('.compared').textContent, status: document.getElementById('status').textContent,
		heads: [...document.querySelectorAll('[data-name="top-threats"] th')].filter((th) => th.textContent === 'Yours').length,
		charts: document.querySelectorAll('.plot[role=application]').length, cookies: document.cookie,
		stored: Object.values(localStorage).filter((value) => value.length > 5).length, html: document.documentElement.outerHTML,
	})`)
	if got.Address != before || got.Marker != 1 || !strings.Contains(got.Said, name) || !strings.Contains(got.Status, name) || got.Heads != 1 || got.Charts != 4 {
		b.t.Errorf("after the key: %+v", seen{got.Address, got.Marker, got.Said, got.Status, got.Heads, got.Charts, got.Cookies, got.Stored, ""})
	}
	if got.Cookies != "" || got.Stored != 0 || strings.Contains(got.HTML, key) {
		b.t.Error("the page has the key, or keeps it for other tabs")
	}
	for _, theme := range []string{"light", "dark"} {
		b.prefer(theme)
		expectAccessible(b, theme)
	}
	expectNoOverflow(b)

	b.do(chromedp.Click(chromedp.CSS(`.period .switch a`))) // 30 days
	b.until(`location.search.includes('days=30') && ` + comparedReady)
	for _, page := range []string{"compliance", "cartography", "evolution"} {
		b.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`.pages a[href*="/stats/%s"]`, page))))
		b.until(fmt.Sprintf(`location.pathname.endsWith(%q) && %s`, page, comparedReady))
		if address := eval[string](b, `location.href`); strings.Contains(address, key) {
			b.t.Errorf("the address is %s", address)
		}
	}
	eval[bool](b, `history.back(), true`)
	b.until(`location.pathname.endsWith('cartography') && ` + comparedReady)

	// Another tab of the same browser knows nothing of it.
	other, cancel := chromedp.NewContext(b.life)
	defer cancel()
	second := &tab{t: b.t, ctx: other, life: other, host: b.host}
	second.load(s.url + "/stats/cartography")
	if kept := eval[int](second, `sessionStorage.length`); kept != 0 || eval[bool](second, `!!document.querySelector('.compared')`) {
		b.t.Error("another tab has the key")
	}

	eval[bool](b, `document.querySelector('.stop').click(), true`) // no pointer reaches a tab behind another one
	b.until(publicReady)
	b.load(s.url + "/stats")
	if eval[int](b, `sessionStorage.length`) != 0 || eval[bool](b, `!!document.querySelector('.compared')`) {
		b.t.Error("the tab goes on comparing")
	}
}

// readerComparesWithoutScript enters the key for each page.
func readerComparesWithoutScript(b *tab, s *service) {
	name, key := s.firstClient()
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	for _, path := range []string{"/stats?days=365", "/stats/compliance?days=365"} {
		b.do(chromedp.Navigate(s.url + path))
		b.enterKey(key)
		b.until(`document.querySelector('.compared')?.textContent.includes(` + fmt.Sprintf("%q", name) + `)`)
		if address := eval[string](b, `location.href`); address != s.url+path {
			b.t.Errorf("the address is %s", address)
		}
		if html := eval[string](b, `document.documentElement.outerHTML`); strings.Contains(html, key) {
			b.t.Errorf("%s has the key", path)
		}
	}
	b.do(chromedp.Click(chromedp.CSS(".stop")))
	b.until(`!document.querySelector('.compared') && document.querySelector('.compare')`)
}
