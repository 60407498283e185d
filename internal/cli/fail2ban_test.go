// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// TestFail2banFindsWrongKeys checks that the shipped filter finds the addresses of callers with wrong keys
// in real logs, and no others.
func TestFail2banFindsWrongKeys(t *testing.T) {
	t.Parallel()
	filters := failregex(t)
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "service.log")
			s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "LOG_PATH="+path, "LOG_FORMAT="+format, "WRONG_KEYS=1")
			service := s.start()
			s.awaitTold("READY=1")
			const forged = "address=192.0.2.1" // a request chooses its own id
			for _, token := range []string{"admin-token", "wrong-1", "wrong-2", "wrong-3", "wrong-4", "wrong-5", "wrong-6", "wrong-7"} {
				request, err := http.NewRequestWithContext(t.Context(), "GET", s.base+"/api/v1/client/me", nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("X-API-KEY", token)
				request.Header.Set("X-Request-ID", forged)
				go func() { // answers to wrong keys wait
					if response, err := http.DefaultClient.Do(request); err == nil {
						response.Body.Close()
					}
				}()
			}
			servicetest.Eventually(t, "both kinds of refusals are logged", func() bool {
				text := strings.Join(lines(t, path), "\n")
				return strings.Contains(text, "is not known here") && strings.Contains(text, "Too many wrong tokens")
			})
			service.stop()
			for _, line := range lines(t, path) {
				address, refused := "", strings.Contains(line, "status=403") || strings.Contains(line, `"status":403`) ||
					strings.Contains(line, "status=429") || strings.Contains(line, `"status":429`)
				for _, filter := range filters {
					if match := filter.FindStringSubmatch(line); match != nil {
						address = match[filter.SubexpIndex("address")]
					}
				}
				if refused && address != "127.0.0.1" || !refused && address != "" {
					t.Errorf("the filter finds %q in: %s", address, line)
				}
			}
		})
	}
}

// failregex returns the expressions of the filter as Go has them.
func failregex(t *testing.T) []*regexp.Regexp {
	t.Helper()
	text, err := os.ReadFile("../../deploy/fail2ban/filter.d/stats-service.conf")
	if err != nil {
		t.Fatal(err)
	}
	refused := regexp.MustCompile(`(?m)^refused = (.*)$`).FindSubmatch(text)
	_, rest, found := strings.Cut(string(text), "failregex = ")
	if refused == nil || !found {
		t.Fatal("the filter has another form than this test knows")
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	var filters []*regexp.Regexp
	for line := range strings.Lines(rest) {
		line = strings.ReplaceAll(strings.TrimSpace(line), "%(refused)s", string(refused[1]))
		filters = append(filters, regexp.MustCompile(strings.ReplaceAll(line, "<ADDR>", `(?P<address>[0-9a-fA-F.:]+)`)))
	}
	return filters
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
