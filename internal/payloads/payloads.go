// SPDX-License-Identifier: AGPL-3.0-or-later

// Package payloads provides tests with the posts of front offices in testdata/payloads.
package payloads

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Item is a stat of a post.
type Item struct {
	Type string
	Date string
	Data json.RawMessage
}

// All returns the bodies of the posts. It works only for tests of packages in internal.
func All(t testing.TB) (bodies [][]byte) {
	t.Helper()
	names, err := filepath.Glob("../../testdata/payloads/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no payloads in testdata/payloads (%v)", err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// Items returns the stats of all posts.
func Items(t testing.TB) (items []Item) {
	t.Helper()
	for _, body := range All(t) {
		var some []Item
		if err := json.Unmarshal(body, &some); err != nil {
			t.Fatal(err)
		}
		items = append(items, some...)
	}
	return items
}
