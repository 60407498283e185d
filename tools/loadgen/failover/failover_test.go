// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"strings"
	"testing"
	"text/template"
	"time"
)

func TestLongestPause(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	var c calls
	for _, n := range []int{1, 2, 3, 9, 10, 30} {
		c.add(second(n), second(n))
	}
	for name, test := range map[string]struct {
		begin, end int
		want       time.Duration
	}{
		"between two answers":            {2, 11, 6 * time.Second},
		"from the answer before it":      {5, 10, 6 * time.Second},
		"until its end":                  {10, 15, 5 * time.Second},
		"without an answer":              {12, 14, 4 * time.Second},
		"answers after it do not count":  {1, 3, time.Second},
		"before there was any answer":    {-5, 1, 6 * time.Second},
		"everything, the longest counts": {0, 31, 20 * time.Second},
	} {
		if got := c.longestPause(second(test.begin), second(test.end)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if got := c.since(second(9)); got != 3 {
		t.Errorf("%d answers since, want 3", got)
	}
}

func TestSettingsAreComplete(t *testing.T) {
	t.Parallel()
	n := &node{Name: "node1", Dir: "/d", Host: host, Port: 5432, RESTPort: 8008, Etcd: "127.0.0.1:2379", Binaries: "/b", Password: password}
	proxy := struct {
		Host              string
		Primary, Standbys int
		Nodes             []*node
	}{host, 1, 2, []*node{n}}
	for text, settings := range map[string]any{patroniYML: n, haproxyCfg: proxy} {
		var out bytes.Buffer
		if err := template.Must(template.New("").Option("missingkey=error").Parse(text)).Execute(&out, settings); err != nil {
			t.Error(err)
		}
		if strings.Contains(out.String(), "{{") {
			t.Errorf("left over:\n%s", out.String())
		}
	}
}

func TestTableOfEvents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table(&out, "through", []result{
		{event: event{name: "never"}},
		{event: event{name: "thrice"}, writes: []time.Duration{3e9, 1e9, 2e9}, reads: []time.Duration{1e8, 2e8, 3e8}, posts: []time.Duration{1e9, 1e9, 4e9}, statuses: map[int]int{503: 7}},
	})
	if want := "| thrice | 3 | 2.0 s | 3.0 s | 0.2 s | 0.3 s | 4.0 s | 7 |\n"; !strings.HasSuffix(out.String(), want) || strings.Contains(out.String(), "never") {
		t.Errorf("got\n%s\nwant it to end with\n%s", out.String(), want)
	}
}
