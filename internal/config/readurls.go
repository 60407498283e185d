// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"slices"
	"strings"
	"time"
)

const (
	minLag = time.Second
	maxLag = time.Hour
)

// The kinds of the settings of read replicas.
var (
	readURLs = kind[Secret]{
		accepts: "postgresql://user:password@host:5432/name, with several hosts or several such URLs separated by commas",
		parse: func(text string) (Secret, bool) {
			bad := slices.ContainsFunc(splitReadURLs(text), func(address string) bool {
				_, ok := databaseURL.parse(address)
				return !ok
			})
			return Secret(strings.TrimSpace(text)), !bad
		},
		format: func(addresses Secret) string {
			var shown []string
			for _, address := range splitReadURLs(string(addresses)) {
				shown = append(shown, redactDatabaseURL(Secret(address)))
			}
			return strings.Join(shown, ",")
		},
	}
	lag = durationFrom(minLag, maxLag, "a time from 1s to 1h, such as 30s or 2m")
)

// formatDuration omits the zeros of 2m0s and 1h0m0s.
func formatDuration(limit time.Duration) string {
	text := limit.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ReadURLs returns a URL for each read replica, with its password, or none.
func (c Config) ReadURLs() []string { return splitReadURLs(string(c.DatabaseReadURL)) }

// splitReadURLs returns one URL for each host. Commas separate URLs, and hosts within a
// URL.
func splitReadURLs(text string) []string {
	var split []string
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		part = strings.TrimSpace(part)
		if len(split) > 0 && !strings.Contains(part, "://") {
			split[len(split)-1] += "," + part
		} else if part != "" {
			split = append(split, part)
		}
	}
	var single []string
	for _, address := range split {
		single = append(single, splitHosts(address)...)
	}
	return single
}

// splitHosts returns a URL for each host of a URL, such as h1:1 and h2:2 in
// postgres://user@h1:1,h2:2/name.
func splitHosts(address string) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return []string{address}
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	user, hosts := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, hosts = authority[:i+1], authority[i+1:]
	}
	var single []string
	for host := range strings.SplitSeq(hosts, ",") {
		single = append(single, scheme+"://"+user+host+path)
	}
	return single
}
