// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// pageNames are the names of all public pages.
var pageNames = []string{"stats", "evolution", "cartography", "compliance", "map", "data", "about", "help"}

const (
	maxMinClients = 1_000_000 // and analyses
	maxDecimals   = 6         // 0.000001 degrees are a decimetre
)

// The kinds of the settings of the public pages.
var (
	minClients  = wholeNumber(1, maxMinClients, "a number of clients from 1 on, 1 hiding nothing")
	minAnalyses = wholeNumber(1, maxMinClients, "a number of analyses from 1 on, 1 ranking everything")
	decimals    = wholeNumber(0, maxDecimals, "a number of decimals from 0 to 6, 1 being about 10 km")
	pages       = kind[[]string]{
		accepts: "a list with commas of " + strings.Join(pageNames, ", "),
		parse: func(text string) ([]string, bool) {
			return parseList(text, func(name string) (string, bool) { return name, slices.Contains(pageNames, name) })
		},
		format: joinList,
	}
	origins = kind[[]string]{
		accepts: "a list with commas of sites such as https://www.example.org, without path",
		parse:   func(text string) ([]string, bool) { return parseList(text, parseOrigin) },
		format:  joinList,
	}
)

func wholeNumber(low, high int, accepts string) kind[int] {
	return kind[int]{
		accepts: accepts,
		parse: func(text string) (int, bool) {
			n, err := strconv.Atoi(text)
			return n, err == nil && n >= low && n <= high
		},
		format: strconv.Itoa,
	}
}

// parseList parses comma-separated values, ignoring white space around them. Repeated
// values count once.
func parseList(text string, parse func(string) (string, bool)) ([]string, bool) {
	var values []string
	for part := range strings.SplitSeq(text, ",") {
		value, ok := parse(strings.TrimSpace(part))
		if !ok {
			return nil, false
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values, true
}

func joinList(values []string) string { return strings.Join(values, ",") }

// parseOrigin accepts a scheme with a host and nothing else, in lower case: anything
// more could inject a directive into the header.
func parseOrigin(text string) (string, bool) {
	address, ok := parseWebURL(text)
	if !ok {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(text, "?#;,' \"*") {
		return "", false
	}
	return strings.ToLower(u.Scheme + "://" + u.Host), true
}
