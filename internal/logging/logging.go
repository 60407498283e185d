// SPDX-License-Identifier: AGPL-3.0-or-later

// Package logging makes the service's logger: a line of text or a JSON object
// for each message, to a file that log rotation may move away or to standard
// error, and never with a secret in it.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

// The values of Options.Format.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// Options says what is logged, how and where. The zero value logs Info and
// above as text in UTC to standard error.
type Options struct {
	Path     string         // file to append to, created with its folder; empty: Stderr
	Format   string         // FormatText or FormatJSON; empty: FormatText
	Level    slog.Level     // lowest level that is logged
	Stderr   io.Writer      // takes the lines when there is no file, or it is full; nil: os.Stderr
	Location *time.Location // time zone of the times; nil: UTC
}

// New returns a logger, which logs as Root until it is given another name with
// Named, and what it writes to, which is never nil and is closed by the caller.
//
// A line of text is
//
//	2020-09-02 11:19:43,894 ERROR statsservice.api.v1.stats post 248: message key=value
//
// with time, level, name of the logger, function, line, message and attributes.
// Members of a group are written as group.key, and what would break the line or
// could be misread is quoted. A JSON object has the members time (RFC 3339),
// level, logger, function, line and message, then the attributes, groups as
// objects; an attribute of the name of one of these members gets an underscore
// appended. Durations are nanoseconds there. Function and line are "-" and 0,
// or no members, when the logged record has no caller.
//
// Attributes that by their key are secrets have the value "(hidden)": token,
// password, api_key, apikey, secret, secret_key and authorization, in any case,
// with dashes for underscores, and as the last words of a longer key, such as
// X-API-Key or db_password. What a message or another value says is not looked
// through.
func New(opts Options) (*slog.Logger, *File, error) {
	encoding, err := encodingOf(opts.Format)
	if err != nil {
		return nil, nil, err
	}
	if opts.Stderr == nil {
		opts.Stderr = os.Stderr
	}
	if opts.Location == nil {
		opts.Location = time.UTC
	}
	file, err := openFile(opts.Path, opts.Stderr)
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(&handler{
		out:      file,
		level:    opts.Level,
		location: opts.Location,
		encoding: encoding,
		name:     Root,
	})
	return log, file, nil
}

func encodingOf(format string) (encoding, error) {
	switch format {
	case FormatText, "":
		return textEncoding{}, nil
	case FormatJSON:
		return jsonEncoding{}, nil
	default:
		return nil, fmt.Errorf("unknown log format %q: use %s or %s", format, FormatText, FormatJSON)
	}
}
