// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/httpapi"
)

// good is an item that is accepted; change breaks it.
func change(from, to string) string {
	const good = `{"anr":"00000000-0000-4000-8000-000000000001","type":"threat","date":"2026-03-01","data":[{"uuid":"00000000-0000-4000-8000-000000000900","label1":"Vol","count":1,"maxRisk":2,"averageRate":"2.5"}]}`
	changed := strings.Replace(good, from, to, 1)
	if changed == good && from != to {
		panic("nothing was changed: " + from)
	}
	return changed
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// distinctMembers returns n members of an object, with values that have a colon.
func distinctMembers(n int) string {
	var members strings.Builder
	for i := range n {
		fmt.Fprintf(&members, `,"a%d":":"`, i)
	}
	return members.String()[1:]
}

// TestBadPosts posts batches of a good item and a bad one.
func TestBadPosts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	good := change("", "")
	tests := []struct{ name, body, field string }{
		{"empty", ``, "body"},
		{"white space", " \n", "body"},
		{"null", `null`, "body"},
		{"object", good, "body"},
		{"string", `"x"`, "body"},
		{"number", `5`, "body"},
		{"malformed", `[` + good + `,{"anr":]`, "1"},
		{"not closed", `[` + good, "body"},
		{"cut in a string", `[` + good[:30], "0.anr"},
		{"trailing garbage", `[` + good + `] x`, "body"},
		{"two values", `[` + good + `] []`, "body"},
		{"comment", `[/* x */` + good + `]`, "0"},
		{"byte order mark", "\ufeff[" + good + `]`, "body"},
		{"invalid UTF-8", `[` + change(`"Vol"`, "\"V\xffl\"") + `]`, "0.data.0.label1"},
		{"invalid UTF-8 in a name", `[` + change(`"type"`, "\"t\xffpe\"") + `]`, "0"},
		{"null item", `[` + good + `,null]`, "1.anr"},
		{"array item", `[` + good + `,[]]`, "1"},
		{"string item", `[` + good + `,"x"]`, "1"},
		{"empty item", `[` + good + `,{}]`, "1.anr"},
		{"no anr", `[` + good + `,` + change(`"anr":"00000000-0000-4000-8000-000000000001",`, ``) + `]`, "1.anr"},
		{"null anr", `[` + change(`"00000000-0000-4000-8000-000000000001"`, `null`) + `]`, "0.anr"},
		{"anr that is no UUID", `[` + change(`-8000-000000000001`, ``) + `]`, "0.anr"},
		{"anr in braces", `[` + change(`"00000000-0000-4000-8000-000000000001"`, `"{00000000-0000-4000-8000-000000000001}"`) + `]`, "0.anr"},
		{"anr as a number", `[` + change(`"00000000-0000-4000-8000-000000000001"`, `1`) + `]`, "0.anr"},
		{"anr as an array", `[` + change(`"00000000-0000-4000-8000-000000000001"`, `[]`) + `]`, "0.anr"},
		{"no type", `[` + change(`"type":"threat",`, ``) + `]`, "0.type"},
		{"unknown type", `[` + good + `,` + change(`"threat"`, `"threats"`) + `]`, "1.type"},
		{"type with NUL", `[` + change(`"threat"`, `"threat\u0000"`) + `]`, "0.type"},
		{"type as a number", `[` + change(`"threat"`, `1`) + `]`, "0.type"},
		{"no date", `[` + change(`"date":"2026-03-01",`, ``) + `]`, "0.date"},
		{"impossible date", `[` + change(`2026-03-01`, `2026-02-30`) + `]`, "0.date"},
		{"date of the year 0", `[` + change(`2026-03-01`, `0000-01-01`) + `]`, "0.date"},
		{"date as a number", `[` + change(`"2026-03-01"`, `20260301`) + `]`, "0.date"},
		{"uuid as a number", `[` + change(`"type"`, `"uuid":1,"type"`) + `]`, "0.uuid"},
		{"uuid with NUL", `[` + change(`"type"`, `"uuid":"0000\u0000000-0000-4000-8000-000000000001","type"`) + `]`, "0.uuid"},
		{"no data", `[{"anr":"00000000-0000-4000-8000-000000000001","type":"risk","date":"2026-03-01"}]`, "0.data"},
		{"null data", `[{"anr":"00000000-0000-4000-8000-000000000001","type":"threat","date":"2026-03-01","data":null}]`, "0.data"},
		{"string data", `[{"anr":"00000000-0000-4000-8000-000000000001","type":"threat","date":"2026-03-01","data":"[]"}]`, "0.data"},
		{"data of another type", `[` + good + `,` + change(`"threat"`, `"risk"`) + `]`, "1.data"},
		{"no rate", `[` + change(`,"averageRate":"2.5"`, ``) + `]`, "0.data.0.averageRate"},
		{"rate of letters", `[` + change(`"2.5"`, `"high"`) + `]`, "0.data.0.averageRate"},
		{"NaN", `[` + change(`"2.5"`, `NaN`) + `]`, "0.data.0.averageRate"},
		{"NaN as a string", `[` + change(`"2.5"`, `"NaN"`) + `]`, "0.data.0.averageRate"},
		{"Infinity", `[` + change(`"2.5"`, `Infinity`) + `]`, "0.data.0.averageRate"},
		{"Infinity as a string", `[` + change(`"2.5"`, `"Infinity"`) + `]`, "0.data.0.averageRate"},
		{"negative count", `[` + change(`"count":1`, `"count":-1`) + `]`, "0.data.0.count"},
		{"huge count", `[` + change(`"count":1`, `"count":1e400`) + `]`, "0.data.0.count"},
		{"huge exponent", `[` + change(`"count":1`, `"count":1e999999999`) + `]`, "0.data.0.count"},
		{"a thousand digits", `[` + change(`"count":1`, `"count":`+strings.Repeat("9", 1000)) + `]`, "0.data.0.count"},
		{"huge number beside", `[` + change(`"count":1`, `"count":1,"other":1e999999999`) + `]`, "0.data.0.other"},
		{"NUL in a label", `[` + change(`"Vol"`, `"V\u0000l"`) + `]`, "0.data.0.label1"},
		{"NUL in a name", `[` + change(`"label1"`, `"label\u0000"`) + `]`, "0.data.0.label\x00"},
		{"half a surrogate", `[` + change(`"Vol"`, `"V\ud800"`) + `]`, "0.data.0.label1"},
		{"key twice in data", `[` + change(`"count":1`, `"count":1,"count":2`) + `]`, "0.data.0.count"},
		{"key twice in an item", `[` + change(`"type"`, `"type":"risk","type"`) + `]`, "0.type"},
		{"key in another case", `[` + change(`"anr"`, `"ANR"`) + `]`, "0.ANR"},
		{"unknown member", `[` + good + `,` + change(`"type"`, `"client_id":1,"type"`) + `]`, "1.client_id"},
		{"another unknown member", `[` + change(`"type"`, `"created_at":"2020-01-01","type"`) + `]`, "0.created_at"},
		{"10,000 deep", `[` + change(`"count":1`, `"count":1,"x":`+nested(10_000)) + `]`, ""},
		{"a million deep", `[` + change(`"count":1`, `"count":1,"x":`+nested(1_000_000)) + `]`, ""},
		{"a million brackets", strings.Repeat("[", 1_000_000), ""},
		{"deep unknown member", `[{"x":` + nested(9_990) + `}]`, "0.x"},
		{"100,000 unknown members", `[{` + distinctMembers(100_000) + `}]`, "0.a0"},
		{"100,000 members in data", `[` + change(`"count":1`, `"count":1,"x":{`+distinctMembers(100_000)+`}`) + `]`, "0.data.0.x.a9996"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := user.on(t).call("POST", "/api/v1/stats/", tt.body).want(http.StatusBadRequest)
			p := got.problem()
			if tt.field != "" && p.Errors[tt.field] == "" || p.Message == "" || len(p.Errors) == 0 {
				t.Errorf("the error does not name %s: %.600s", tt.field, got.body)
			}
			if len(got.body) > 10_000 {
				t.Errorf("an error of %d bytes", len(got.body))
			}
			if stored := s.stored(); len(stored) != 0 {
				t.Fatalf("%d stats were stored", len(stored))
			}
		})
	}
}

// TestManyBadItems names the first of them, and not all.
func TestManyBadItems(t *testing.T) {
	t.Parallel()
	s := setup(t)
	bad := change(`"2.5"`, `"x"`)
	body := "[" + change("", "") + strings.Repeat(","+bad, 500) + "]"
	p := s.user("user").call("POST", "/api/v1/stats/", body).want(http.StatusBadRequest).problem()
	if len(p.Errors) != 20 || p.Errors["1.data.0.averageRate"] == "" {
		t.Errorf("%d errors: %v", len(p.Errors), p.Errors)
	}
	empty := s.user("empty").call("POST", "/api/v1/stats/", "["+strings.Repeat("{},", 500_000)+"{").want(http.StatusBadRequest).problem()
	if len(empty.Errors) != 20 || empty.Errors["0.anr"] == "" {
		t.Errorf("%d errors of empty items, want those of the first 20 although the body has no end: %.300v", len(empty.Errors), empty.Errors)
	}
	unknown := map[string]int{}
	for i := range 500 {
		unknown[fmt.Sprintf("member%d%s", i, strings.Repeat("x", 300))] = i
	}
	refused := s.user("other").call("GET", "/api/v1/stats/", unknown).want(http.StatusBadRequest)
	if p := refused.problem(); len(p.Errors) != 20 || len(refused.body) > 10_000 {
		t.Errorf("%d errors in %d bytes", len(p.Errors), len(refused.body))
	}
}

// TestBadQuestions asks for stats and processed data in ways that make no sense.
func TestBadQuestions(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	const lists, processed = "/api/v1/stats/", "/api/v1/stats/processed/"
	const processor = `{"processor":"risk_averages_on_date",`
	tests := []struct{ name, path, body, field string }{
		{"malformed", lists, `{`, "body"},
		{"array", lists, `[{}]`, "body"},
		{"string", lists, `"risk"`, "body"},
		{"anrs of nobody", lists, `{"anrs":[""]}`, "anrs"},
		{"anrs of null", lists, `{"anrs":[null]}`, "anrs"},
		{"anrs of a comma", lists, `{"anrs":","}`, "anrs"},
		{"unknown member", lists, `{"role":"admin"}`, "role"},
		{"two unknown members", lists, `{"b":1,"a":1}`, "a"},
		{"key in another case", lists, `{"Type":"risk"}`, "Type"},
		{"unknown type", lists, `{"type":"threats"}`, "type"},
		{"type as a number", lists, `{"type":1}`, "type"},
		{"negative offset", lists, `{"offset":-1}`, "offset"},
		{"negative limit", lists, `{"limit":"-1"}`, "limit"},
		{"broken limit", lists, `{"limit":1.5}`, "limit"},
		{"exponent as a limit", lists, `{"limit":1e3}`, "limit"},
		{"limit of letters", lists, `{"limit":"ten"}`, "limit"},
		{"huge limit", lists, `{"limit":99999999999999999999}`, "limit"},
		{"huge offset", lists, `{"offset":"9999999999999999999"}`, "offset"},
		{"array as a limit", lists, `{"limit":[]}`, "limit"},
		{"group 2", lists, `{"group_by_anr":2}`, "group_by_anr"},
		{"get_last of letters", lists, `{"get_last":"yes"}`, "get_last"},
		{"get_last 2", lists, `{"get_last":2}`, "get_last"},
		{"bad date", lists, `{"date_from":"01/02/2026"}`, "date_from"},
		{"bad end", lists, `{"date_to":"2026-13-01"}`, "date_to"},
		{"date as a number", lists, `{"date_to":5}`, "date_to"},
		{"bad date beside get_last", lists, `{"get_last":true,"date_to":"x"}`, "date_to"},
		{"bad anr", lists, `{"anr":"x"}`, "anr"},
		{"bad anrs", lists, `{"anrs":["x"]}`, "anrs"},
		{"anrs of numbers", lists, `{"anrs":[1]}`, "anrs"},
		{"anrs as a map", lists, `{"anrs":{"0":"x"}}`, "anrs"},
		{"anrs as a number", lists, `{"anrs":5}`, "anrs"},
		{"NUL in anrs", lists, `{"anrs":"\u0000"}`, "anrs"},
		{"offset parameter", lists + "?offset=-1", ``, "offset"},
		{"limit parameter", lists + "?limit=1;2", ``, "query"},
		{"broken escape", lists + "?anr=%zz", ``, "query"},
		{"NUL parameter", lists + "?type=%00", ``, "type"},
		{"parameter that is not UTF-8", lists + "?type=%ff", ``, "type"},
		{"anr parameter", lists + "?anr=%00", ``, "anr"},
		{"anrs parameter", lists + "?anrs=x", ``, "anrs"},
		{"date parameter", lists + "?date_from=%ff%fe", ``, "date_from"},
		{"get_last parameter", lists + "?get_last=maybe", ``, "get_last"},
		{"long query", lists + "?anrs=" + strings.Repeat("x", 100_000), ``, "anrs"},
		{"no processor", processed, `{}`, "processor"},
		{"unknown processor", processed, `{"processor":"mean"}`, "processor"},
		{"processor of another type", processed, `{"processor":"risk_averages","type":"threat"}`, "processor"},
		{"processor as a number", processed, `{"processor":1}`, "processor"},
		{"processor that is not UTF-8", processed + "?processor=%ff", ``, "processor"},
		{"NUL processor", processed + "?processor=%00", ``, "processor"},
		{"unknown parameter", processed, processor + `"processor_params":{"x":"y"}}`, "processor_params.x"},
		{"unknown value", processed, processor + `"processor_params":{"risks_type":"y"}}`, "processor_params.risks_type"},
		{"value as a number", processed, processor + `"processor_params":{"risks_type":1}}`, "processor_params.risks_type"},
		{"parameters as a list", processed, processor + `"processor_params":["informational"]}`, "processor_params"},
		{"parameters as a string", processed, processor + `"processor_params":"informational"}`, "processor_params"},
		{"parameters of no JSON", processed + "?processor=risk_averages&processor_params=x", ``, "processor_params"},
		{"parameters that are not UTF-8", processed + "?processor=risk_averages&processor_params[%ff]=x", ``, ""},
		{"local 2", processed, processor + `"local_stats_only":2}`, "local_stats_only"},
		{"deep parameters", processed, processor + `"processor_params":` + nested(9_990) + `}`, "processor_params"},
		{"limit twice", lists + "?limit=1&limit=2", ``, "limit"},
		{"limit of PHP twice", lists + "?limit[0]=1&limit[1]=2", ``, "limit"},
		{"name that is not UTF-8 twice", lists + "?%ff=1&%ff=2", ``, "\ufffd"},
		{"uuid twice", lists + id(1).String() + "?uuid=" + id(1).String() + "&uuid=" + id(2).String(), ``, "uuid"},
		{"path that is no UUID", lists + "x", ``, "anr"},
		{"path with NUL", lists + "%00", ``, "anr"},
		{"path that is not UTF-8", lists + "%ff", ``, "anr"},
		{"bad uuid", lists + id(1).String() + "?uuid=x", ``, "uuid"},
		{"empty uuid", lists + id(1).String() + "?uuid=", ``, "uuid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var body any
			if tt.body != "" {
				body = tt.body
			}
			got := user.on(t).call("GET", tt.path, body)
			if tt.field == "" {
				got.want(http.StatusBadRequest)
				return
			}
			got.wantField(tt.field)
		})
	}
}

// TestUnknownArguments uses the words of the service that this one replaces.
func TestUnknownArguments(t *testing.T) {
	t.Parallel()
	p := setup(t).user("user").call("GET", "/api/v1/stats/", `{"b":1,"type":"risk","a":2}`).want(http.StatusBadRequest).problem()
	if diff := cmp.Diff("Unknown arguments: a, b", p.Message); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

// TestContentTypes sends bodies that are not declared as JSON.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	operations := []struct{ method, path, body string }{
		{"POST", "/api/v1/stats/", "[" + change("", "") + "]"},
		{"GET", "/api/v1/stats/", `{"type":"risk"}`},
		{"GET", "/api/v1/stats/processed/", `{"processor":"risk_averages"}`},
		{"PATCH", "/api/v1/client/me", `{"is_sharing_enabled":true}`},
	}
	types := []string{"", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "text/json",
		"application/xml", "json", ";", "application/json; charset=latin1", "application/jsonx"}
	for _, o := range operations {
		for _, contentType := range types {
			got := user.call(o.method, o.path, o.body, header{"Content-Type", contentType}).want(http.StatusUnsupportedMediaType)
			if message := got.problem().Message; !strings.Contains(message, "Content-Type: application/json") {
				t.Errorf("%s %s as %q: %s", o.method, o.path, contentType, message)
			}
		}
	}
	if stored := s.stored(); len(stored) != 0 {
		t.Errorf("%d stats were stored", len(stored))
	}
	for _, contentType := range []string{"application/json; charset=utf-8", "Application/JSON;charset=UTF-8"} {
		user.call("GET", "/api/v1/stats/", `{"type":"risk"}`, header{"Content-Type", contentType}).want(http.StatusOK)
	}
	user.call("GET", "/api/v1/stats/", "", header{"Content-Type", "application/x-www-form-urlencoded"}).want(http.StatusOK)
}

// TestCompressedBody says that bodies go uncompressed.
func TestCompressedBody(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, "["+change("", "")+"]"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := setup(t).user("user").call("POST", "/api/v1/stats/", packed.Bytes(), header{"Content-Encoding", "gzip"})
	if message := got.want(http.StatusUnsupportedMediaType).problem().Message; !strings.Contains(message, "Content-Encoding") {
		t.Error(message)
	}
}

// chunked hides the length of a body.
type chunked struct{ io.Reader }

// TestBodyLimit sends bodies below and above the limit.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const limit = 2_000
	s := setup(t, func(o *httpapi.Options) { o.MaxBodyBytes = limit })
	user := s.user("user")
	fitting := func(length int) string {
		body := "[" + change("", "") + "]"
		return body + strings.Repeat(" ", length-len(body))
	}
	tests := []struct {
		name, method, path, body string
		chunked                  bool
		status                   int
	}{
		{"at the limit", "POST", "/api/v1/stats/", fitting(limit), false, 201},
		{"chunked at the limit", "POST", "/api/v1/stats/", fitting(limit), true, 201},
		{"over the limit", "POST", "/api/v1/stats/", fitting(limit + 1), false, 413},
		{"chunked over the limit", "POST", "/api/v1/stats/", fitting(limit + 1), true, 413},
		{"far over the limit", "POST", "/api/v1/stats/", fitting(100 * limit), false, 413},
		{"question over the limit of batches", "GET", "/api/v1/stats/", strings.Repeat(" ", limit) + "{}", false, 413},
		{"client over the limit", "PATCH", "/api/v1/client/me", strings.Repeat(" ", limit) + `{"is_sharing_enabled":false}`, true, 413},
		{"empty chunked body", "POST", "/api/v1/stats/", "", true, 400},
		{"empty chunked question", "GET", "/api/v1/stats/", "", true, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := user.on(t).request(tt.method, tt.path, tt.body)
			if tt.chunked {
				request.Body, request.ContentLength = io.NopCloser(chunked{strings.NewReader(tt.body)}), -1
			}
			response, err := user.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != tt.status {
				t.Errorf("status %d, want %d", response.StatusCode, tt.status)
			}
			if stored := len(s.stored()); tt.status == 413 && stored > 1 {
				t.Errorf("%d stats are stored", stored)
			}
		})
	}
}

// TestFilterLimits bounds what a caller may send to ask or to change something,
// whatever a batch may have.
func TestFilterLimits(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	user := setup(t).user("user")
	padded := func(body string, length int) string { return body + strings.Repeat(" ", length-len(body)) }
	anrs := func(n int) string {
		return `{"processor":"risk_averages","anrs":["` + strings.TrimSuffix(strings.Repeat(id(1).String()+`","`, n), `","`) + `"]}`
	}
	members := func(n int) string { return "{" + distinctMembers(n) + "}" }
	tests := []struct {
		name, method, path, body string
		status                   int
		field                    string // that the error names
	}{
		{"filter at the limit", "GET", "/api/v1/stats/", padded(`{"type":"risk"}`, limit), 200, ""},
		{"filter over the limit", "GET", "/api/v1/stats/", padded(`{"type":"risk"}`, limit+1), 413, ""},
		{"processing over the limit", "GET", "/api/v1/stats/processed/", padded(`{"processor":"risk_averages"}`, limit+1), 413, ""},
		{"client over the limit", "PATCH", "/api/v1/client/me", padded(`{"is_sharing_enabled":true}`, limit+1), 413, ""},
		{"as many analyses as may be named", "GET", "/api/v1/stats/processed/", anrs(10_000), 200, ""},
		{"more analyses", "GET", "/api/v1/stats/processed/", anrs(10_001), 400, "anrs"},
		{"more analyses in a list", "GET", "/api/v1/stats/", strings.Replace(anrs(10_001), `"processor":"risk_averages",`, "", 1), 400, "anrs"},
		{"as many members as may be", "GET", "/api/v1/stats/", members(1_000), 400, "a0"},
		{"more members", "GET", "/api/v1/stats/", members(1_001), 400, "body"},
		{"more members in parameters", "GET", "/api/v1/stats/processed/", `{"processor":"risk_averages","processor_params":` + members(999) + `}`, 400, "body"},
		{"more members to compare", "GET", "/api/v1/stats/compare/", members(1_001), 400, "body"},
		{"more members of a client", "PATCH", "/api/v1/client/me", members(1_001), 400, "body"},
		{"more members of a new client", "POST", "/api/v1/client/", members(1_001), 400, "body"},
		{"more members in a list", "PATCH", "/api/v1/client/me", `{"is_sharing_enabled":[` + members(501) + "," + members(499) + `]}`, 400, "body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := user.on(t).call(tt.method, tt.path, tt.body).want(tt.status)
			if tt.field != "" && got.problem().Errors[tt.field] == "" {
				t.Errorf("the error does not name %s: %.300s", tt.field, got.body)
			}
		})
	}
}

// TestWrongPathsAndMethods answers errors in JSON wherever they come from.
func TestWrongPathsAndMethods(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	tests := []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", 404},
		{"GET", "/api/v1/nothing", 404},
		{"GET", "/api/v2/stats/", 404},
		{"GET", "/api/v1/client/", 405},
		{"PUT", "/api/v1/stats/", 405},
		{"PATCH", "/api/v1/stats/", 405},
		{"DELETE", "/api/v1/client/me", 405},
		{"POST", "/api/v1/stats/processed/", 405},
		{"POST", "/about.json", 405},
		{"HEAD", "/api/v1/client/", 405},
		{"HEAD", "/nothing", 404},
		{"TRACE", "/api/v1/stats/", 405},
		{"OPTIONS", "/api/v1/stats/", 204},
		{"GET", "/api/v1/stats/" + id(1).String() + "/x", 404},
		{"GET", "/api/v1/stats/a%2Fb", 404},
		{"GET", "/api/v1/stats/..%2f..%2f..%2fetc%2fpasswd", 404},
		{"GET", "/api/v1/swagger-ui.map", 404},
		{"GET", "/api/v1/..%5c..%5cgo.mod", 404},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			got := user.on(t).call(tt.method, tt.path, nil).want(tt.status)
			if allow := got.header.Get("Allow"); (tt.status == 405) != (allow != "") && tt.status != 204 {
				t.Errorf("Allow: %q", allow)
			}
			if tt.status >= 400 && got.header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type: %s", got.header.Get("Content-Type"))
			}
			if tt.method != "HEAD" && tt.status >= 400 && !json.Valid(got.body) {
				t.Errorf("body: %s", got.body)
			}
		})
	}
}

// TestTooManyStats refuses a batch for its number of stats alone.
func TestTooManyStats(t *testing.T) {
	t.Parallel()
	user := setup(t).user("user")
	const one = `{"anr":"00000000-0000-4000-8000-000000000001","type":"threat","date":"2026-03-14","data":[]}`
	body := "[" + one + strings.Repeat(","+one, 10_000) + "]"
	refused := user.call("POST", "/api/v1/stats/", body).want(http.StatusRequestEntityTooLarge)
	if want := "The batch has more than 10000 stats; send it in smaller ones."; !bytes.Contains(refused.body, []byte(want)) {
		t.Errorf("%s, want %q", refused.body, want)
	}
	if n := len(user.call("GET", "/api/v1/stats/", nil).list(http.StatusOK).Data); n != 0 {
		t.Errorf("%d stats were stored", n)
	}
}
