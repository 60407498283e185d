// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
)

func TestHandlerJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slogtest.Run(t, newHandler(t, &out, FormatJSON), func(t *testing.T) map[string]any {
		return parseJSON(t, out.Bytes())
	})
}

func TestHandlerText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slogtest.Run(t, newHandler(t, &out, FormatText), func(t *testing.T) map[string]any {
		return parseText(t, out.String())
	})
}

// newHandler empties out before each case.
func newHandler(t *testing.T, out *bytes.Buffer, format string) func(*testing.T) slog.Handler {
	return func(*testing.T) slog.Handler {
		out.Reset()
		log, _, err := New(Options{Format: format, Stderr: out})
		if err != nil {
			t.Fatal(err)
		}
		return log.Handler()
	}
}

func parseJSON(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal(line, &parsed); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	parsed[slog.MessageKey] = parsed[memberMessage]
	delete(parsed, memberMessage)
	return parsed
}

var textLine = regexp.MustCompile(`^(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) )?([A-Z]+) \S+ \S+ \d+: (\w+)(.*)\n$`)

// parseText reads lines whose message is a word.
func parseText(t *testing.T, line string) map[string]any {
	t.Helper()
	match := textLine.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("not a line of the format: %q", line)
	}
	parsed := map[string]any{slog.LevelKey: match[2], slog.MessageKey: match[3]}
	if match[1] != "" {
		parsed[slog.TimeKey] = match[1]
	}
	for rest := match[4]; rest != ""; {
		key, after, _ := strings.Cut(strings.TrimPrefix(rest, " "), "=")
		value := after
		if quoted, err := strconv.QuotedPrefix(after); err == nil {
			value = quoted
		} else if end := strings.IndexByte(after, ' '); end >= 0 {
			value = after[:end]
		}
		put(parsed, strings.Split(key, "."), value)
		rest = after[len(value):]
	}
	return parsed
}

func put(parsed map[string]any, path []string, value string) {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := parsed[path[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			parsed[path[0]] = inner
		}
		parsed = inner
	}
	parsed[path[0]] = value
}
