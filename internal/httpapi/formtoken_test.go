// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// form posts a token to a page.
func (c caller) form(path, token string, headers ...header) answer {
	c.t.Helper()
	headers = append([]header{{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "text/html"}}, headers...)
	return c.call("POST", path, url.Values{"token": {token}}.Encode(), headers...)
}

// TestTokenOfPages posts right and wrong tokens to pages: none is in the log, and
// muted and inactive clients get what they get from the API.
func TestTokenOfPages(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.Pages = pagesOf(t, o) })
	s.http.Transport = http.DefaultTransport // pages are not described
	user := s.user("user")
	user.post(threat(1, 1, 7))
	sleeper, muted := s.createClient(inactive), s.user("muted")
	muted.post(threat(2, 1, 7))
	if _, err := s.store.UpdateClient(t.Context(), muted.client.UUID, postgres.ClientChange{Processed: new(bool)}); err != nil {
		t.Fatal(err)
	}
	nobody := s.anonymous()
	page := nobody.form("/stats", user.token).want(http.StatusOK)
	if !strings.Contains(string(page.body), "Compared with the figures of") || page.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %.500s", page.header, page.body)
	}
	if body := string(nobody.form("/stats", muted.token).want(http.StatusOK).body); strings.Contains(body, "Yours:") {
		t.Error("a muted client has figures")
	}
	nobody.form("/stats", sleeper.token).want(http.StatusForbidden)
	const wrong = "a-key-that-is-wrong"
	nobody.form("/stats", wrong).want(http.StatusForbidden)
	nobody.form("/stats", user.token).want(http.StatusOK)
	log := s.log.String()
	for _, secret := range []string{user.token, muted.token, sleeper.token, wrong} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has the token %s", secret)
		}
	}
	compared := func(line map[string]any) bool { return line["client"] == "user" && line["route"] == "/stats" }
	if lines := s.log.lines(t, "request"); !slices.ContainsFunc(lines, compared) { // that of the first one is written by now
		t.Errorf("the log does not say who compared: %v", lines)
	}
}
