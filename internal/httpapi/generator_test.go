// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// generator makes requests from the OpenAPI document: valid ones, almost valid ones
// and hostile ones. The same seed and number give the same request.
type generator struct {
	document *openapi3.T
	places   []place
	// operations is how many of the places, the first ones, are operations.
	operations int
	callers    []*party
	targets    []*party
	ids        []string // UUIDs of analyses and stats, of one's own, of others and of nobody
}

// place is an operation, or a path without one.
type place struct {
	method, path string // below the prefix, with {anr}
	params       openapi3.Parameters
	body         *openapi3.Schema
	example      any
}

// The kinds of requests.
const (
	valid   = "valid"
	almost  = "almost valid"
	hostile = "hostile"
)

// generated is a request that need not be one by the rules of HTTP.
type generated struct {
	caller                *party
	kind                  string
	method, target, proto string
	headers               [][2]string
	body                  []byte
	framing               string // how the body is sent
}

// newGenerator reads the document. Of each operation there is a place.
func newGenerator(document *openapi3.T, callers, targets []*party) *generator {
	g := &generator{document: document, callers: callers, targets: targets}
	for _, path := range slices.Sorted(maps.Keys(document.Paths.Map())) {
		item, base := document.Paths.Value(path), document.Servers[0].URL
		if len(item.Servers) > 0 {
			base = ""
		}
		for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
			operation := item.GetOperation(method)
			if operation == nil {
				continue
			}
			p := place{method: method, path: base + path, params: append(slices.Clone(item.Parameters), operation.Parameters...)}
			if operation.RequestBody != nil {
				media := operation.RequestBody.Value.Content.Get("application/json")
				p.body, p.example = media.Schema.Value, media.Example
			}
			g.places = append(g.places, p)
		}
	}
	g.operations = len(g.places)
	for _, path := range []string{"/", "/nothing", "/api/v1/nothing", "/api/v2/stats/", "/admin/update.json", "/evolution", "/stats/", "/api/v1/swagger-ui.css"} {
		g.places = append(g.places, place{method: "GET", path: path})
	}
	for _, p := range targets {
		g.ids = append(g.ids, p.analysis.String(), p.stat.String())
	}
	return g
}

// request returns the request with this number.
func (g *generator) request(seed, number uint64) generated {
	m := maker{g, rand.New(rand.NewPCG(seed, number))}
	kind := valid
	switch n := m.IntN(10); {
	case n >= 8:
		kind = hostile
	case n >= 4:
		kind = almost
	}
	r := m.made(kind)
	if kind == hostile {
		for range 1 + m.IntN(2) {
			m.spoil(&r)
		}
	}
	return r
}

// maker makes one request.
type maker struct {
	*generator
	*rand.Rand
}

func pick[T any](m maker, from []T) T { return from[m.IntN(len(from))] }

// chance is true so many times in a hundred.
func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

func (m maker) made(kind string) generated {
	p := pick(m, m.places[:m.operations])
	if m.chance(5) {
		p = pick(m, m.places[m.operations:])
	}
	r := generated{caller: pick(m, m.callers), kind: kind, method: p.method, proto: "HTTP/1.1", framing: "length"}
	path, query := p.path, url.Values{}
	for _, ref := range p.params {
		switch param := ref.Value; param.In {
		case openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+param.Name+"}", url.PathEscape(m.parameter(param, p.body, kind)))
		case openapi3.ParameterInQuery:
			if m.chance(25) {
				query.Add(param.Name, m.parameter(param, p.body, kind))
			}
		case openapi3.ParameterInHeader:
			if m.chance(15) {
				r.headers = append(r.headers, [2]string{param.Name, pick(m, masks)})
			}
		}
	}
	if kind == almost && m.chance(10) {
		query.Add(pick(m, []string{"x", "client", "client_id", "role", "anrs[0]", "anrs[]", "processor_params[x]", ""}), pick(m, texts))
	}
	if len(path) > 1 && strings.HasSuffix(path, "/") && m.chance(30) {
		path = strings.TrimSuffix(path, "/")
	}
	if r.target = path; len(query) > 0 {
		r.target += "?" + query.Encode()
	}
	if p.body != nil && (p.method != "GET" || m.chance(60)) {
		r.body = m.content(p, kind)
		r.headers = append(r.headers, [2]string{"Content-Type", pick(m, []string{"application/json", "application/json", "application/json; charset=utf-8"})})
		if m.chance(20) {
			r.framing = "chunked"
		}
	}
	if m.chance(20) {
		r.headers = append(r.headers, [2]string{"Accept-Encoding", pick(m, []string{"gzip", "zstd", "gzip, zstd;q=0.5", "identity", "*"})})
	}
	if m.chance(10) {
		r.headers = append(r.headers, [2]string{"If-None-Match", pick(m, []string{"*", `"x"`, `W/"x", "y"`})})
	}
	return r
}

// parameter is a value of a parameter. Most are those of the member of the body with
// the same name.
func (m maker) parameter(param *openapi3.Parameter, body *openapi3.Schema, kind string) string {
	if kind == almost && m.chance(25) {
		return pick(m, texts)
	}
	schema := param.Schema.Value
	if member := memberOf(body, param.Name); member != nil {
		schema = member
	}
	switch value := m.value(schema, param.Name, 0).(type) {
	case nil:
		return ""
	case string:
		return value
	case []any:
		var texts []string
		for _, element := range value {
			texts = append(texts, fmt.Sprint(element))
		}
		return strings.Join(texts, ",")
	default:
		encoded, _ := json.Marshal(value) // of what JSON has
		return string(encoded)
	}
}

func memberOf(schema *openapi3.Schema, name string) *openapi3.Schema {
	if schema == nil {
		return nil
	}
	if member := schema.Properties[name]; member != nil {
		return member.Value
	}
	for _, ref := range schema.OneOf {
		if found := memberOf(ref.Value, name); found != nil {
			return found
		}
	}
	return nil
}

// content is a body, with one thing wrong in it if it is to be almost valid.
func (m maker) content(p place, kind string) []byte {
	value := m.value(p.body, "", 0)
	if m.chance(15) {
		value = p.example
	}
	broken := kind == almost && m.chance(70)
	if broken && m.chance(70) {
		value = m.bend(value, 0)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		encoded = []byte("null")
	}
	if broken && m.chance(30) {
		encoded = m.breakText(encoded)
	}
	return encoded
}

// known are values of members that are more than any text.
func (m maker) known(name string) any {
	switch name {
	case "anr", "uuid", "anrs":
		return pick(m, m.ids)
	case "type":
		return pick(m, []string{"risk", "threat", "vulnerability", "cartography", "compliance"})
	case "processor":
		return pick(m, []string{"risk_averages", "risk_averages_on_date", "threat_average_on_date", "vulnerability_average_on_date", "cartography_averages", "compliance_averages"})
	case "date", "date_from", "date_to":
		return day(m.IntN(120))
	case "name", "token":
		return fmt.Sprintf("generated-%d", m.IntN(50))
	case "days":
		return fmt.Sprint(1 + m.IntN(400))
	case "local_stats_only", "group_by_anr", "last_stats":
		return fmt.Sprint(m.IntN(2))
	case "layout":
		return "series"
	}
	return nil
}

// value makes a value that the schema describes.
func (m maker) value(schema *openapi3.Schema, name string, depth int) any {
	if schema == nil || schema.Nullable && m.chance(10) {
		return nil
	}
	if len(schema.Enum) > 0 {
		return pick(m, schema.Enum)
	}
	alternatives := slices.Concat(schema.OneOf, schema.AnyOf)
	if len(alternatives) > 0 {
		return m.value(pick(m, alternatives).Value, name, depth)
	}
	if len(schema.AllOf) > 0 {
		merged := map[string]any{}
		for _, ref := range schema.AllOf {
			if part, ok := m.value(ref.Value, name, depth).(map[string]any); ok {
				for member, value := range part {
					merged[member] = value
				}
			}
		}
		return merged
	}
	switch {
	case schema.Type.Is(openapi3.TypeObject):
		return m.object(schema, depth)
	case schema.Type.Is(openapi3.TypeArray):
		return m.array(schema, name, depth)
	case schema.Type.Is(openapi3.TypeBoolean):
		return m.chance(50)
	case schema.Type.Is(openapi3.TypeInteger):
		return m.IntN(20)
	case schema.Type.Is(openapi3.TypeNumber):
		return float64(m.IntN(400)) / 4
	}
	return m.text(schema, name)
}

func (m maker) object(schema *openapi3.Schema, depth int) any {
	object := map[string]any{}
	for _, member := range slices.Sorted(maps.Keys(schema.Properties)) { // or the same number gives another request
		if slices.Contains(schema.Required, member) || m.chance(50) {
			object[member] = m.value(schema.Properties[member].Value, member, depth+1)
		}
	}
	if extra := schema.AdditionalProperties.Schema; extra != nil && depth < 8 {
		for range m.IntN(4) {
			object[fmt.Sprint(m.IntN(5))] = m.value(extra.Value, "", depth+1)
		}
	}
	return object
}

func (m maker) array(schema *openapi3.Schema, name string, depth int) any {
	most := uint64(3)
	if schema.MaxItems != nil {
		most = min(most, *schema.MaxItems)
	}
	array := []any{}
	for range max(schema.MinItems, uint64(m.IntN(int(most)+1))) {
		if schema.Items != nil && depth < 8 {
			array = append(array, m.value(schema.Items.Value, name, depth+1))
		}
	}
	return array
}

func (m maker) text(schema *openapi3.Schema, name string) any {
	if schema.Pattern != "" {
		return fmt.Sprint(m.IntN(100))
	}
	if known := m.known(name); known != nil {
		return known
	}
	switch schema.Format {
	case "uuid":
		return pick(m, m.ids)
	case "date":
		return day(m.IntN(120))
	}
	if schema.Example != nil && m.chance(50) {
		return schema.Example
	}
	if schema.MinLength > 0 {
		return "text"
	}
	return pick(m, []string{"", "text", "Größe", "データ", "a b"})
}

// bend changes one thing somewhere in a value.
func (m maker) bend(value any, depth int) any {
	switch value := value.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(value))
		switch {
		case len(names) == 0 || m.chance(10):
			value[pick(m, texts)] = m.odd()
		case m.chance(15):
			delete(value, pick(m, names))
		default:
			name := pick(m, names)
			value[name] = m.bend(value[name], depth+1)
		}
		return value
	case []any:
		if len(value) == 0 || m.chance(15) {
			return append(value, m.odd())
		}
		i := m.IntN(len(value))
		value[i] = m.bend(value[i], depth+1)
		return value
	}
	return m.odd()
}

// odd is a value that few members take.
func (m maker) odd() any {
	switch m.IntN(6) {
	case 0:
		return pick(m, []any{nil, true, false, -1, 1.5, 1e300, 1 << 53, json.Number("1e400"), json.Number("123456789012345678901234567890")})
	case 1:
		return pick(m, []any{[]any{}, map[string]any{}, []any{[]any{[]any{}}}, map[string]any{"": nil}, []any{nil, nil}, map[string]any{"a": map[string]any{"a": []any{1}}}})
	}
	return pick(m, texts)
}

// texts are what callers should not send.
var texts = []string{
	"", " ", "x", "0", "-1", "1.5", "1e3", "99999999999999999999", "null", "true", "[]", "{}", "[object Object]",
	"\x00", "a\x00b", "\u2028\u202e", "💣💣", "é", "\xff\xfe", "\xed\xa0\x80", strings.Repeat("a", 101), strings.Repeat("ä", 2_000), strings.Repeat("9", 400),
	"../../../etc/passwd", "'; DROP TABLE stats; --", "<script>alert(1)</script>", "%s%n%d", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}",
	"2026-02-30", "0000-00-00", "9999-12-31", "99999-01-01", "2026-01-01T00:00:00Z", "0001-01-01", "01/02/2026",
	"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "urn:uuid:" + uuid.Nil.String(), "{" + uuid.Nil.String() + "}", "00000000000000000000000000000000",
	"risk", "all", "Risk", "risk_averages", "1", "2", "admin", ",", ",,", "1,2",
}

// masks are of X-Fields.
var masks = []string{
	"*", "{data}", "data{anr,date},metadata", "{*}", "name", "{data{data{*}}}", "metadata{count}", "type,data{object}", "a", "data{", "{", "}", "{}", ",", "a,,b", "{data{anr}}{x}",
	strings.Repeat("{a", 200), strings.Repeat("a,", 2_000) + "a", "é", "data{anr}}", "*{*}", " data { anr , date } ",
}

// breakText makes JSON that is none, or that not everybody reads alike.
func (m maker) breakText(text []byte) []byte {
	switch m.IntN(9) {
	case 0:
		return text[:m.IntN(len(text)+1)]
	case 1:
		return append(text, pick(m, []string{"}", "x", "\x00", " {}", ",", "//"})...)
	case 2:
		return append([]byte(pick(m, []string{"\xef\xbb\xbf", " \n\t", "\x00", "'", "\xff\xfe"})), text...)
	case 3:
		return []byte(strings.Repeat("[", 20_000))
	case 4:
		return []byte(strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000))
	case 5:
		return []byte(strings.Replace(string(text), ":", `:"\ud800",`, 1))
	case 6: // twice the same member
		return []byte(strings.Replace(string(text), "{", `{"anr":1,"anr":2,"type":"risk","type":"threat",`, 1))
	case 7:
		at := m.IntN(len(text) + 1)
		return slices.Concat(text[:at], []byte{byte(m.IntN(256))}, text[at:])
	}
	return []byte(pick(m, []string{"", "null", "0", `""`, "NaN", "Infinity", "undefined", "[1,]", `{"a" 1}`, "<xml/>", "a=b&c=d", "[]", "{}", "[null]", "[[]]", "[{}]"}))
}
