package peer

import (
	"testing"
	"time"
)

func TestNormalize(t *testing.T) {
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

func TestMonthsBefore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		day    string
		months int
		want   string
	}{
		{"2024-05-15", 1, "2024-04-15"},
		{"2024-05-31", 1, "2024-04-30"},
		{"2024-03-31", 1, "2024-02-29"},
		{"2024-01-31", 1, "2023-12-31"},
		{"2024-02-29", 36, "2021-02-28"},
	} {
		day, err := time.Parse(time.DateOnly, tt.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := monthsBefore(day, tt.months).Format(time.DateOnly); got != tt.want {
			t.Errorf("%d months before %s: %s, want %s", tt.months, tt.day, got, tt.want)
		}
	}
}
