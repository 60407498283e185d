// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build proxy

package cli_test

import (
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// site is a service as callers see it.
type site struct {
	http *http.Client
	base string // URL of the service, with its prefix and no slash at the end
}

// visited is what an address answers, without what depends on the prefix.
type visited struct {
	status int
	header http.Header
	body   string
}

// starts are the addresses that no page links to, beside the first page.
var starts = []string{
	"/", "/about.json", "/robots.txt", "/humans.txt", "/human.txt", "/favicon.ico", "/.well-known/security.txt",
	"/evolution", "/about/more", "/map/", "/api/v1", "/api/v1/openapi.yaml", "/api/v1/stats/?limit=3", "/nowhere",
	"/stats/threats.csv", "/stats/vulnerabilities.csv", "/stats/risks.csv", "/admin/update.json",
}

// failing are the addresses among them that answer something else than 200 or a redirect.
var failing = map[string]int{"/nowhere": http.StatusNotFound, "/admin/update.json": http.StatusGone}

// pagesOfLists is how far the links to the next page of a list are followed.
const pagesOfLists = 3

// otherObject matches the pages of threats and vulnerabilities, but for one in sixteen:
// they have some 1,600 addresses.
var otherObject = regexp.MustCompile(`^/stats/(threats|vulnerabilities)/[0-9a-e][0-9a-f-]{35}`)

// crawl follows all links of a site: each page with each set of parameters once.
// It fails the test for links that lead out of the prefix, and for all that does not
// answer. What it returns is by the path below the prefix.
func crawl(t *testing.T, s site) map[string]visited {
	t.Helper()
	found, queue := map[string]visited{}, []string{}
	known, lists := map[string]bool{}, 0
	add := func(from, link string) {
		target, err := url.Parse(link)
		base, _ := url.Parse(s.base + from)
		if err != nil {
			t.Errorf("%s links to %q: %v", from, link, err)
			return
		}
		if target = base.ResolveReference(target); target.Hostname() != base.Hostname() {
			return
		}
		prefix := strings.TrimPrefix(s.base, target.Scheme+"://"+base.Host)
		below, inside := strings.CutPrefix(target.EscapedPath(), prefix)
		if !inside || below != "" && below[0] != '/' {
			t.Errorf("%s links to %s, which is not below %s", from, target, prefix)
			return
		}
		if otherObject.MatchString(below) {
			return
		}
		key := below + "?" + strings.Join(slices.Sorted(maps.Keys(target.Query())), "&")
		if path.Ext(below) != "" {
			key = below // an export is the same file with other figures
		}
		if target.Query().Has("offset") {
			if lists++; lists <= pagesOfLists {
				key = below + "?" + target.RawQuery
			}
		}
		if known[key] {
			return
		}
		known[key] = true
		if target.RawQuery != "" {
			below += "?" + target.RawQuery
		}
		queue = append(queue, below)
	}
	for _, start := range starts {
		add("/", s.base+start)
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		got := s.ask(t, http.MethodGet, s.base+at, "")
		found[at] = got
		below, _, _ := strings.Cut(at, "?")
		if got.status >= http.StatusBadRequest && got.status != failing[below] {
			t.Errorf("%s answers %d: %.300s", at, got.status, got.body)
		}
		s.wantNotModified(t, at, got)
		for _, link := range links(t, at, got) {
			add(at, link)
		}
	}
	return found
}

// ask sends a request with the key of the first organisation where the API needs one.
func (s site) ask(t *testing.T, method, address, body string, headers ...string) visited {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html, */*")
	if strings.Contains(address, "api/v1") {
		request.Header.Set("X-API-KEY", demoKey)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	follow := *s.http
	follow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := follow.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return visited{response.StatusCode, response.Header, string(content)}
}

// wantNotModified asks again for what has a validator.
func (s site) wantNotModified(t *testing.T, at string, got visited) {
	t.Helper()
	tag := got.header.Get("ETag")
	if tag == "" {
		return
	}
	if again := s.ask(t, http.MethodGet, s.base+at, "", "If-None-Match", tag); again.status != http.StatusNotModified {
		t.Errorf("%s answers %d to If-None-Match: %s", at, again.status, tag)
	}
}

var (
	attribute  = regexp.MustCompile(`(?:href|src|action|srcset|poster)="([^"]*)"`)
	document   = regexp.MustCompile(`"([^"]*openapi\.json)"`)
	stylesheet = regexp.MustCompile(`url\(["']?([^"')]+)["']?\)`)
	module     = regexp.MustCompile(`(?:from|import) ?\(?['"](\./[^'"]+)['"]|new URL\('([^']+)', import\.meta\.url\)`)
	nextLink   = regexp.MustCompile(`<([^>]+)>`)
)

// links returns the addresses in an answer.
func links(t *testing.T, at string, got visited) (found []string) {
	t.Helper()
	if to := got.header.Get("Location"); to != "" {
		found = append(found, to)
	}
	for _, match := range nextLink.FindAllStringSubmatch(got.header.Get("Link"), -1) {
		found = append(found, match[1])
	}
	kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	switch below, _, _ := strings.Cut(at, "?"); {
	case kind == "text/html":
		for _, match := range attribute.FindAllStringSubmatch(got.body, -1) {
			if link := html.UnescapeString(match[1]); !strings.HasPrefix(link, "#") && !strings.HasPrefix(link, "data:") {
				found = append(found, link)
			}
		}
		for _, match := range document.FindAllStringSubmatch(got.body, -1) {
			found = append(found, strings.ReplaceAll(match[1], `\/`, "/"))
		}
	case kind == "text/css":
		for _, match := range stylesheet.FindAllStringSubmatch(got.body, -1) {
			if !strings.HasPrefix(match[1], "data:") {
				found = append(found, match[1])
			}
		}
	case kind == "text/javascript" && strings.HasPrefix(below, "/static/"):
		for _, match := range module.FindAllStringSubmatch(got.body, -1) {
			found = append(found, match[1]+match[2])
		}
	case path.Base(below) == "about.json":
		var about map[string]any
		decode(t, got.body, &about)
		found = append(found, about["api_v1_root"].(string))
	case path.Base(below) == "openapi.json":
		found = append(found, describedPaths(t, got.body)...)
	case path.Base(below) == "swagger.json":
		var swagger struct{ BasePath string }
		decode(t, got.body, &swagger)
		found = append(found, swagger.BasePath+"/client/me")
	}
	return found
}

// parametersOf are what the paths of the document need to answer 200.
var parametersOf = map[string]string{"/stats/compare/": "?type=risk", "/stats/processed/": "?processor=risk_averages"}

// describedPaths returns the addresses that can be read, as a reader of the
// document puts them together.
func describedPaths(t *testing.T, body string) (found []string) {
	t.Helper()
	type servers []struct{ URL string }
	var described struct {
		Servers servers
		Paths   map[string]map[string]json.RawMessage
	}
	decode(t, body, &described)
	for _, name := range slices.Sorted(maps.Keys(described.Paths)) {
		of := described.Paths[name]
		if _, readable := of["get"]; !readable || strings.Contains(name, "{") {
			continue
		}
		at := described.Servers
		if own, differs := of["servers"]; differs {
			at = nil
			decode(t, string(own), &at)
		}
		found = append(found, strings.TrimSuffix(at[0].URL, "/")+name+parametersOf[name])
	}
	return found
}

// compared are the headers that a proxy must not lose.
var compared = []string{
	"Content-Type", "Content-Disposition", "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options",
	"Referrer-Policy", "Permissions-Policy", "Cache-Control",
}

// wantSame compares a site below a prefix with one that has none.
func wantSame(t *testing.T, want, got map[string]visited, prefix string) {
	t.Helper()
	if len(want) < 100 {
		t.Errorf("the crawler found %d addresses, which is too few: does it find links?", len(want))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("addresses (-by itself +below %s)\n%s", prefix, diff)
	}
	for at, expected := range want {
		actual, there := got[at]
		if !there {
			continue
		}
		if actual.status != expected.status {
			t.Errorf("%s answers %d, want %d", at, actual.status, expected.status)
		}
		for _, name := range compared {
			if actual.header.Get(name) != expected.header.Get(name) {
				t.Errorf("%s has %s %q, want %q", at, name, actual.header.Get(name), expected.header.Get(name))
			}
		}
		if to, below := strings.CutPrefix(actual.header.Get("Location"), prefix); !below && to != "" || to != expected.header.Get("Location") {
			t.Errorf("%s leads to %s", at, actual.header.Get("Location"))
		}
		if diff := cmp.Diff(expected.body, without(prefix, actual.body, expected.body)); diff != "" {
			t.Errorf("%s (-by itself +below %s)\n%.2000s", at, prefix, diff)
		}
	}
}

// without takes a prefix off the addresses of a body. A prefix that is the beginning
// of addresses by itself cannot be told from those: then nothing is compared.
func without(prefix, body, itself string) string {
	if strings.Contains(itself, prefix+"/") {
		return itself
	}
	escaped := strings.ReplaceAll(prefix, "/", `\/`)
	return strings.NewReplacer(prefix+"/", "/", escaped+`\/`, `\/`).Replace(body)
}

// unprefixed returns what a service below a prefix answers, as one without it would.
func unprefixed(found map[string]visited, prefix string) map[string]visited {
	for at, got := range found {
		got.body = without(prefix, got.body, "")
		if to, below := strings.CutPrefix(got.header.Get("Location"), prefix); below {
			got.header.Set("Location", to)
		}
		found[at] = got
	}
	return found
}
