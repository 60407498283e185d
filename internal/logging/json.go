// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonEncoding writes one JSON object per line.
type jsonEncoding struct{}

// The members that come before the attributes.
const (
	memberTime     = "time"
	memberLevel    = "level"
	memberLogger   = "logger"
	memberFunction = "function"
	memberLine     = "line"
	memberMessage  = "message"
)

var members = []string{memberTime, memberLevel, memberLogger, memberFunction, memberLine, memberMessage}

const jsonTime = "2006-01-02T15:04:05.000Z07:00"

func (jsonEncoding) head(buf []byte, h head) []byte {
	buf = append(buf, '{')
	if !h.time.IsZero() {
		buf = appendString(appendName(buf, memberTime), h.time.Format(jsonTime))
	}
	buf = appendString(appendName(buf, memberLevel), h.level)
	buf = appendString(appendName(buf, memberLogger), string(h.name))
	if h.function != "" {
		buf = appendString(appendName(buf, memberFunction), h.function)
		buf = strconv.AppendInt(appendName(buf, memberLine), int64(h.line), 10)
	}
	return appendString(appendName(buf, memberMessage), h.message)
}

func (jsonEncoding) begin(buf []byte, path []string, group string) []byte {
	return append(appendName(buf, distinct(path, group)), '{')
}

func (jsonEncoding) end(buf []byte, groups int) []byte {
	for range groups {
		buf = append(buf, '}')
	}
	return buf
}

func (jsonEncoding) tail(buf []byte) []byte { return append(buf, "}\n"...) }

func (jsonEncoding) attr(buf []byte, path []string, key string, value slog.Value) []byte {
	return appendJSONValue(appendName(buf, distinct(path, key)), value)
}

// distinct renames attributes with the name of a head member: parsers differ in how
// they treat duplicate names.
func distinct(path []string, key string) string {
	if len(path) == 0 && slices.Contains(members, key) {
		return key + "_"
	}
	return key
}

// appendName starts a member. Only the start of an object needs no comma before
// it: a brace within a string is never last, since the quotation mark is.
func appendName(buf []byte, name string) []byte {
	if len(buf) == 0 || buf[len(buf)-1] != '{' {
		buf = append(buf, ',')
	}
	return append(appendString(buf, name), ':')
}

// appendString writes a replacement character for each byte that is not UTF-8.
// AppendQuote returns an error only for these.
func appendString(buf []byte, s string) []byte {
	buf, _ = jsontext.AppendQuote(buf, s)
	return buf
}

func appendJSONValue(buf []byte, value slog.Value) []byte {
	switch value.Kind() {
	case slog.KindString:
		return appendString(buf, value.String())
	case slog.KindInt64:
		return strconv.AppendInt(buf, value.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(buf, value.Uint64(), 10)
	case slog.KindFloat64:
		return appendFloat(buf, value.Float64())
	case slog.KindBool:
		return strconv.AppendBool(buf, value.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(buf, int64(value.Duration()), 10)
	case slog.KindTime:
		return appendString(buf, value.Time().Format(time.RFC3339Nano))
	default:
		return appendAny(buf, value.Any())
	}
}

// appendFloat writes NaN and infinities as strings, since JSON cannot represent them.
func appendFloat(buf []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendString(buf, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(buf, f, 'g', -1, 64)
}

// appendAny writes errors, whose JSON is mostly {}, and values without JSON as text.
func appendAny(buf []byte, value any) []byte {
	_, marshals := value.(json.Marshaler)
	if err, ok := value.(error); ok && !marshals {
		return appendString(buf, fmt.Sprint(err))
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return appendString(buf, textOf(value))
	}
	return append(buf, bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))...)
}
