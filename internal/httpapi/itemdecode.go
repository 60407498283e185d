package httpapi

import (
	"bytes"
	"slices"

	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// decodeUsual reads an item, which must be valid JSON, as front offices write
// it: an object with the members of an item, each once and as a string, and data
// as an object or list. Of anything else it returns false, and leaves it to a
// decoder to find out what it is. Names within data are not looked at: the
// validation of data does that.
//
// It spares a decoder from walking through data, which is nearly all of an item.
func decodeUsual(value []byte, item *api.NewStats) bool {
	m := members{rest: value}
	if !m.take('{') {
		return false
	}
	var seen []string
	for !m.take('}') {
		if len(seen) > 0 && !m.take(',') {
			return false
		}
		name, ok := m.text()
		if !ok || !m.take(':') || slices.Contains(seen, name) || !m.into(name, item) {
			return false
		}
		seen = append(seen, name)
	}
	return true
}

// members walks through the members of an object of valid JSON.
type members struct{ rest []byte }

func (m *members) take(c byte) bool {
	m.rest = bytes.TrimLeft(m.rest, " \t\r\n")
	if len(m.rest) == 0 || m.rest[0] != c {
		return false
	}
	m.rest = m.rest[1:]
	return true
}

// text reads a string without escapes.
func (m *members) text() (text string, ok bool) {
	if !m.take('"') {
		return "", false
	}
	end := bytes.IndexByte(m.rest, '"')
	if end < 0 || bytes.IndexByte(m.rest[:end], '\\') >= 0 {
		return "", false
	}
	text = string(m.rest[:end])
	m.rest = m.rest[end+1:]
	return text, true
}

// into reads the value of a member.
func (m *members) into(name string, item *api.NewStats) bool {
	if name == "data" {
		return m.nested(&item.Data)
	}
	text, ok := m.text()
	if !ok {
		return false
	}
	switch name {
	case "anr":
		id, err := lenient.ParseUUID(text)
		item.ANR = id
		return err == nil
	case "uuid":
		id, err := lenient.ParseUUID(text)
		item.UUID = &id
		return err == nil
	case "date":
		date, err := stats.ParseDate(text)
		item.Date = types.Date{Time: date}
		return err == nil
	case "type":
		item.Type = text
		return true
	}
	return false
}

// nested copies an object or list.
func (m *members) nested(to *api.Data) bool {
	m.rest = bytes.TrimLeft(m.rest, " \t\r\n")
	if m.rest[0] != '{' && m.rest[0] != '[' { // a value is there: it is valid JSON
		return false
	}
	depth := 0
	for i := 0; i < len(m.rest); i++ {
		switch m.rest[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			i = endOfString(m.rest, i)
		}
		if depth == 0 {
			*to = bytes.Clone(m.rest[:i+1])
			m.rest = m.rest[i+1:]
			return true
		}
	}
	return false
}

// endOfString returns the index of the quote that ends the string that begins at i.
func endOfString(value []byte, i int) int {
	for i++; i < len(value) && value[i] != '"'; i++ {
		if value[i] == '\\' {
			i++
		}
	}
	return i
}
