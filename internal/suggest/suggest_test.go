// SPDX-License-Identifier: AGPL-3.0-or-later

package suggest_test

import (
	"testing"

	"github.com/monarc-project/stats-service/internal/suggest"
)

func TestClosestWordIsSuggested(t *testing.T) {
	t.Parallel()
	words := []string{"serve", "demo", "client_create", "client_list", "DB_HOSTNAME"}
	for word, want := range map[string]string{
		"clint_create":  "client_create",
		"client_creat":  "client_create",
		"client_crate_": "client_create",
		"clinet_list":   "client_list",
		"DB_HOST":       "DB_HOSTNAME", // cut short
		"sevre":         "serve",
		"dem":           "demo",
		"unknown":       "",
		"foo":           "",
		"x":             "",
		"":              "",
		"client_delete": "",
	} {
		if got := suggest.Closest(word, words); got != want {
			t.Errorf("Closest(%q) = %q, want %q", word, got, want)
		}
	}
}
