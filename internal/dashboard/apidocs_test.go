// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/dashboard"
)

// TestAPIDocs serves the reader of the API's description with all that its page asks
// for, from here alone, below any prefix, and in no frame.
func TestAPIDocs(t *testing.T) {
	t.Parallel()
	asked := regexp.MustCompile(`(?:href|src|data-document)="([^"]+\.(?:css|js|json|yaml|svg))"`)
	for _, prefix := range []string{"", "/monarc"} {
		s := setupBelow(t, prefix, func(o *dashboard.PageOptions) { o.Active = []string{"stats"} })
		page := s.get("/api/v1")
		if page.status != http.StatusOK || page.body != s.get("/api/v1/").body {
			t.Fatalf("the reader answers %d, or otherwise with the slash", page.status)
		}
		policy := page.header.Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") || page.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("the reader is protected by %s", policy)
		}
		if strings.Contains(page.body, "style=") || regexp.MustCompile(`<script>|<style|\son\w+="`).MatchString(page.body) {
			t.Error("the reader has scripts or styles in its page")
		}
		found := map[string]bool{}
		for _, match := range asked.FindAllStringSubmatch(page.body, -1) {
			path, below := strings.CutPrefix(match[1], prefix+"/")
			if !below {
				t.Errorf("%s is not below the prefix", match[1])
			}
			file := s.get("/"+path, "Accept-Encoding", "gzip")
			if file.status != http.StatusOK || file.body == "" {
				t.Errorf("%s answers %d", match[1], file.status)
			}
			found[path[strings.LastIndex(path, "/")+1:]] = true
		}
		for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "api.css", "api.js", "openapi.json"} {
			if !found[name] {
				t.Errorf("the reader does not ask for %s", name)
			}
		}
		if !strings.Contains(page.body, `href="`+prefix+`/?`) || !strings.Contains(s.get("/api/v1?lang=fr").body, `<html lang="fr">`) {
			t.Error("there is no way back from the reader, or no other language")
		}
	}
}
