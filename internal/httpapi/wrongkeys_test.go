// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/monarc-project/stats-service/internal/httpapi"
)

// TestWrongKeys answers 429 to somebody who guesses keys, in every operation, and goes on
// answering right keys from the same address, also ones that begin like the guesses.
func TestWrongKeys(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *httpapi.Options) { o.WrongKeys, o.LogAddresses, o.Pages = 1, true, pagesOf(t, o) })
	user := s.user("user")
	guesses := map[string]func(n int) string{
		"anything":            func(n int) string { return fmt.Sprintf("%08d-wrong", n) },
		"the key of somebody": func(n int) string { return user.token[:len(user.token)/2] + fmt.Sprint(n) },
	}
	for name, guess := range guesses {
		for operation, request := range operations {
			if !strings.HasPrefix(request.path, httpapi.Root) {
				continue
			}
			statuses := s.inParallel(8, func(n int) answer {
				return s.with(guess(n)).call(request.method, request.path, request.body)
			})
			if statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusTooManyRequests]+statuses[http.StatusForbidden] != 8 {
				t.Errorf("%s, %s: statuses %v", name, operation, statuses)
			}
		}
		forms := s.inParallel(8, func(n int) answer {
			return s.anonymous().form("/stats", guess(n), header{"Accept", "application/json"})
		})
		if forms[http.StatusTooManyRequests] == 0 || forms[http.StatusTooManyRequests]+forms[http.StatusForbidden] != 8 {
			t.Errorf("%s, form of a page: statuses %v", name, forms)
		}
		user.call("GET", "/api/v1/client/me", nil).want(http.StatusOK)
		user.post(threat(1, 0, 1).with("uuid", id(len(name))))
	}
	blocked := s.log.lines(t, "Too many wrong tokens")
	if len(blocked) == 0 || blocked[0]["address"] != "127.0.0.1" || blocked[0]["status"] != float64(http.StatusTooManyRequests) {
		t.Errorf("the log does not say who was blocked: %v", blocked)
	}
}

// TestUnlimitedKeys answers 403 as often as one likes, and logs no addresses.
func TestUnlimitedKeys(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for n := range 30 {
		s.with(fmt.Sprint("wrong", n)).call("GET", "/api/v1/client/me", nil).want(http.StatusForbidden)
	}
	if strings.Contains(s.log.String(), "127.0.0.1") {
		t.Error("the log has addresses")
	}
}

// inParallel counts the statuses of so many requests at a time.
func (s *service) inParallel(count int, call func(n int) answer) map[int]int {
	var (
		mu       sync.Mutex
		requests sync.WaitGroup
	)
	statuses := map[int]int{}
	for n := range count {
		requests.Go(func() {
			got := call(n)
			mu.Lock()
			defer mu.Unlock()
			statuses[got.status]++
		})
	}
	requests.Wait()
	return statuses
}
