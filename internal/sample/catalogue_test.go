// SPDX-License-Identifier: AGPL-3.0-or-later

package sample

import "testing"

// TestCatalogueIsConsistent checks the consistency of the tables.
func TestCatalogueIsConsistent(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"threats": 40, "vulnerabilities": 80, "referentials": 2, "categories": 9} {
		table := table(name)
		if len(table) != rows {
			t.Errorf("%s: %d rows, want %d", name, len(table), rows)
		}
		seen := make(map[string]bool)
		for _, row := range table {
			for _, label := range []string{"label1", "label2", "label3", "label4"} {
				if row[label] == "" {
					t.Errorf("%s: %s has no %s", name, row["label2"], label)
				}
			}
			if id := row["uuid"]; seen[id] && id != "" {
				t.Errorf("%s: %s is there twice", name, id)
			}
			seen[row["uuid"]] = true
		}
	}
	courses := map[string]bool{"steady": true, "rising": true, "new": true, "winter": true, "summer": true, "autumn": true}
	for _, row := range table("threats") {
		if !courses[row["course"]] {
			t.Errorf("%s: unknown course %q", row["label2"], row["course"])
		}
	}
	c := loadCatalogue()
	for _, threat := range c.threats {
		if len(c.themed[threat.theme]) == 0 {
			t.Errorf("no vulnerability has the theme %q", threat.theme)
		}
	}
	if got := len(c.referentials[0].categories[0].controls); got != 37 {
		t.Errorf("%d organizational controls, want 37", got)
	}
}
