// SPDX-License-Identifier: AGPL-3.0-or-later

// Package logging provides the service's logger. It writes each message as a line of
// text or a JSON object, to a file that log rotation may move away or to standard
// error. It hides secrets.
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

// Options configure a logger. The zero value logs Info and above as text in UTC to
// standard error.
type Options struct {
	Path     string         // file to append to, created with its folder; empty: Stderr
	Format   string         // FormatText or FormatJSON; empty: FormatText
	Level    slog.Level     // lowest level that is logged
	Stderr   io.Writer      // used without a file, or if the file cannot be written; nil: os.Stderr
	Location *time.Location // time zone of the times; nil: UTC
}

// New returns a logger with the name Root, which Named changes, and the File that it
// writes to. The File is never nil; the caller must close it.
//
// A line of text is
//
//	2020-09-02 11:19:43,894 ERROR statsservice.api.v1.stats post 248: message key=value
//
// with time, level, name of the logger, function, line, message and attributes. Members
// of a group are written as group.key. Values that would break the line or be ambiguous
// are quoted. A JSON object has the members time (RFC 3339), level, logger, function,
// line and message, then the attributes, groups as objects; an attribute with the name
// of one of these members gets an underscore appended. Durations are in nanoseconds.
// Without a caller, function and line are "-" and 0 in text, and absent in JSON.
//
// Attributes with the key of a secret have the value "(hidden)": token, password,
// api_key, apikey, secret, secret_key and authorization, in any case, with dashes for
// underscores, and as the last words of a longer key, such as X-API-Key or db_password.
// Messages and other values are not searched for secrets.
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
