// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build browser

package dashboard_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAPIDocsInBrowser opens everything that the reader of the API's description can
// open, in both themes and on a phone, and tries an operation out.
func TestAPIDocsInBrowser(t *testing.T) {
	t.Parallel()
	s := setup(t)
	tab := openTab(t, startBrowser(t), s)
	for _, theme := range []string{"light", "dark"} {
		tab.prefer(theme)
		tab.load(s.url + "/api/v1")
		tab.until(`document.querySelector('#reader[data-ready]') && document.querySelectorAll('.opblock').length > 15`)
		eval[bool](tab, `document.querySelectorAll('.opblock-summary-control[aria-expanded=false], .models-control[aria-expanded=false]').forEach((b) => b.click()) ?? true`)
		tab.until(`document.querySelectorAll('.opblock').length === document.querySelectorAll('.try-out__btn').length`)
		eval[bool](tab, `document.querySelectorAll('.try-out__btn').forEach((b) => b.click()) ?? true`)
		tab.until(`document.querySelectorAll('.opblock').length === document.querySelectorAll('.btn.execute').length`)
		expectNoOverflow(tab)
		tab.do(chromedp.Click(chromedp.CSS("[id^=operations-public-about] .btn.execute")))
		tab.until(`document.querySelector('.live-responses-table tbody .response-col_status')?.textContent.startsWith('200')`)
		expectAccessible(tab, theme)
	}
	tab.do(chromedp.Click(chromedp.CSS(".btn.authorize")))
	tab.until(`document.querySelector('.dialog-ux input')`)
	expectAccessible(tab, "dialog")
	tab.expectPeace()
}
