// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// textEncoding writes lines in the documented format, with the attributes as key=value
// after the message.
type textEncoding struct{}

const textTime = "2006-01-02 15:04:05,000"

func (textEncoding) head(buf []byte, h head) []byte {
	if !h.time.IsZero() {
		buf = h.time.AppendFormat(buf, textTime)
		buf = append(buf, ' ')
	}
	buf = append(buf, h.level...)
	buf = append(buf, ' ')
	buf = append(buf, h.name...)
	buf = append(buf, ' ')
	if h.function == "" {
		buf = append(buf, '-')
	}
	buf = append(buf, h.function...)
	buf = append(buf, ' ')
	buf = strconv.AppendInt(buf, int64(h.line), 10)
	buf = append(buf, ": "...)
	return appendMessage(buf, h.message)
}

func (textEncoding) begin(buf []byte, _ []string, _ string) []byte { return buf }

func (textEncoding) end(buf []byte, _ int) []byte { return buf }

func (textEncoding) tail(buf []byte) []byte { return append(buf, '\n') }

func (textEncoding) attr(buf []byte, path []string, key string, value slog.Value) []byte {
	buf = append(buf, ' ')
	if len(path) > 0 {
		key = strings.Join(path, ".") + "." + key
	}
	buf = appendWord(buf, key)
	buf = append(buf, '=')
	return appendTextValue(buf, value)
}

func appendTextValue(buf []byte, value slog.Value) []byte {
	switch value.Kind() {
	case slog.KindString:
		return appendWord(buf, value.String())
	case slog.KindTime:
		return value.Time().AppendFormat(buf, time.RFC3339Nano)
	case slog.KindAny:
		return appendWord(buf, textOf(value.Any()))
	default: // numbers, booleans and durations have no characters to quote
		return append(buf, value.String()...)
	}
}

// textOf uses fmt, which recovers from methods that panic.
func textOf(value any) string {
	if text, ok := value.([]byte); ok {
		return string(text)
	}
	return fmt.Sprintf("%+v", value)
}

// appendWord quotes words that have blanks or are ambiguous.
func appendWord(buf []byte, word string) []byte {
	if word == "" || strings.ContainsAny(word, ` "=`) || !isPrintable(word) {
		return strconv.AppendQuote(buf, word)
	}
	return append(buf, word...)
}

// appendMessage escapes only characters that would break the line or affect a terminal.
func appendMessage(buf []byte, message string) []byte {
	if isPrintable(message) {
		return append(buf, message...)
	}
	for len(message) > 0 {
		r, size := utf8.DecodeRuneInString(message)
		if isPlain(r, size) {
			buf = append(buf, message[:size]...)
		} else {
			quoted := strconv.Quote(message[:size])
			buf = append(buf, quoted[1:len(quoted)-1]...)
		}
		message = message[size:]
	}
	return buf
}

func isPrintable(s string) bool {
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if !isPlain(r, size) {
			return false
		}
		i += size
	}
	return true
}

// isPlain reports whether a decoded character of size bytes needs no escape: an invalid
// byte decodes to RuneError of size 1.
func isPlain(r rune, size int) bool {
	return unicode.IsPrint(r) && (r != utf8.RuneError || size > 1)
}
