// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import "testing"

func TestAddressesHaveOneCanonicalForm(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"https://stats.example.org":               "https://stats.example.org",
		"HTTPS://Stats.Example.org:443/":          "https://stats.example.org",
		"http://stats.example.org:80//":           "http://stats.example.org",
		"http://stats.example.org:443":            "http://stats.example.org:443",
		" http://stats.example.org:5005//x// ":    "http://stats.example.org:5005/x",
		"http://stats.example.org/X/api/v1/":      "http://stats.example.org/X",
		"http://stats.example.org/api/v1":         "http://stats.example.org",
		"http://[::1]:5005/":                      "http://[::1]:5005",
		"http://stats.example.org/dashboard/../x": "http://stats.example.org/x",
	} {
		got, err := normalize(server)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", server, got, err, want)
		}
		if again, err := normalize(got); err != nil || again != got {
			t.Errorf("%q becomes %q, %v", got, again, err)
		}
	}
}
