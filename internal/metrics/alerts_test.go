// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build examples

package metrics

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestAlertsFire evaluates the alert rules over series of healthy and of troubled instances,
// with Prometheus's own evaluator. Every rule must be among those that fire.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Fatal("alert rules are tested with promtool, which is not in PATH: on Debian, apt-get install prometheus")
	}
	const rules, tests = "prometheus/stats-service.rules.yml", "prometheus/stats-service.rules_test.yml"
	if out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", "../../deploy/"+tests).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	tested := string(read(t, tests))
	for _, rule := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(read(t, rules)), -1) {
		if !strings.Contains(tested, `alertname="`+rule[1]+`"`) {
			t.Errorf("no test lets the alert %s fire", rule[1])
		}
	}
}
