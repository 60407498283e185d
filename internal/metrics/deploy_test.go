// SPDX-License-Identifier: AGPL-3.0-or-later

package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/monarc-project/stats-service/internal/stats"
)

var (
	metricName = regexp.MustCompile(`\b(?:stats_service|go|process)_[a-z_]+`)
	describes  = regexp.MustCompile(`fqName: "([a-z_]+)"`)
)

// described returns the names of all metrics.
func described(t *testing.T) map[string]bool {
	t.Helper()
	m := New(stats.Types())
	m.Collect(Readiness{})
	m.Collect(Sources{})
	found := make(chan *prometheus.Desc)
	go func() { defer close(found); m.registry.Describe(found) }()
	names := map[string]bool{}
	for d := range found {
		names[describes.FindStringSubmatch(d.String())[1]] = true
	}
	return names
}

// namesIn returns the names of metrics in a query. For the series of a histogram, it
// returns the name of the histogram.
func namesIn(query string) (names []string) {
	for _, name := range metricName.FindAllString(query, -1) {
		names = append(names, strings.TrimSuffix(name, "_bucket"))
	}
	return names
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile("../../deploy/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestAlertRules checks that the rules are about metrics that exist.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(read(t, "prometheus/stats-service.rules.yml"), &file); err != nil {
		t.Fatal(err)
	}
	known, rules := described(t), 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			rules++
			if rule.Alert == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("rule %d (%s) lacks its name, severity, summary or description", rules, rule.Alert)
			}
			names := namesIn(rule.Expr)
			if len(names) == 0 && !strings.HasPrefix(rule.Expr, "up{") {
				t.Errorf("%s has no metric of the service: %s", rule.Alert, rule.Expr)
			}
			for _, name := range names {
				if !known[name] {
					t.Errorf("%s has the metric %s, which does not exist", rule.Alert, name)
				}
			}
		}
	}
	if rules == 0 {
		t.Error("there are no rules")
	}
}

// TestReasonsDocumented checks that operators read of every reason of a refusal, and of no
// other.
func TestReasonsDocumented(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(string(read(t, "../docs/operating.md")), "\n| reason | refused |\n|---|---|\n")
	if !found {
		t.Fatal("docs/operating.md has no table of reasons")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []Reason
	for line := range strings.Lines(table) {
		documented = append(documented, Reason(strings.Split(line, "`")[1]))
	}
	if diff := cmp.Diff(Reasons(), documented); diff != "" {
		t.Errorf("reasons (-counted +documented)\n%s", diff)
	}
}

// TestGrafanaShowsEveryMetric checks that the dashboard shows what exists, and all of it.
func TestGrafanaShowsEveryMetric(t *testing.T) {
	t.Parallel()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, "grafana/stats-service.json"), &board); err != nil {
		t.Fatal(err)
	}
	known, shown := described(t), map[string]bool{}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			for _, name := range namesIn(target.Expr) {
				shown[name] = true
				if !known[name] {
					t.Errorf("%q shows %s, which does not exist", panel.Title, name)
				}
			}
		}
	}
	for name := range known {
		if strings.HasPrefix(name, namespace) && !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}
