// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"log/slog"
	"math"
	"net/mail"
	"net/netip"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // TZ must work even where no zone files are installed
	"unicode"
)

// kind parses and formats a type of value. format is the inverse of parse, except that
// it hides secrets.
type kind[T any] struct {
	accepts string // completes "accepted is ..."
	parse   func(text string) (T, bool)
	format  func(value T) string
}

const (
	maxPort     = 65535
	minPoolSize = 4 // lists may use half of them
	maxPoolSize = 1000
	maxDrain    = 10 * time.Minute
)

// MinKeyLength is the minimum number of characters of a new instance's SECRET_KEY.
const MinKeyLength = 16

var (
	host = kind[string]{
		accepts: "a host name or an IP address, without port",
		parse:   parseHost,
		format:  asIs,
	}
	databaseHost = kind[string]{
		accepts: "a host name, an IP address or the absolute path of a socket folder, without port (that is DB_PORT)",
		parse: func(text string) (string, bool) {
			if isSocketFolder(text) {
				return text, isLine(text)
			}
			return parseHost(text)
		},
		format: asIs,
	}
	listenPort   = portFrom(0, "a port from 0 to 65535, 0 being any free one")
	databasePort = portFrom(1, "a port from 1 to 65535")
	poolSize     = wholeNumber(minPoolSize, maxPoolSize, "a number of connections from 4 to 1000")
	wrongKeys    = wholeNumber(0, 1_000_000, "a number of keys up to 1000000, 0 being no limit")
	connections  = wholeNumber(1, 1_000_000, "a number of connections from 1 to 1000000")
	byteRate     = kind[int64]{
		accepts: `a number of bytes per second such as 4000 or "4kB", 0 being no bound`,
		parse: func(text string) (int64, bool) {
			if text == "0" {
				return 0, true
			}
			return parseSize(text)
		},
		format: func(n int64) string { return strconv.FormatInt(n, 10) },
	}
	baseURL = kind[string]{
		accepts: "a URL such as https://stats.example.org, without user name, query and fragment",
		parse: func(text string) (string, bool) {
			address, ok := parseWebURL(text)
			return strings.TrimRight(address, "/"), ok && !strings.ContainsAny(text, "?#")
		},
		format: asIs,
	}
	mirror = kind[string]{
		accepts: "a URL such as https://mirror.example.org/postgres, the absolute path of a folder, or none",
		parse: func(text string) (string, bool) {
			if text == "none" || filepath.IsAbs(text) {
				return text, isLine(text)
			}
			return baseURL.parse(text)
		},
		format: asIs,
	}
	pageURL = kind[string]{
		accepts: "a URL such as https://example.org/contact, without user name",
		parse:   parseWebURL,
		format:  asIs,
	}
	requestTimeout = durationFrom(time.Second, maxDrain, "a time from 1s to 10m, such as 25s")
	drainDelay     = durationFrom(0, maxDrain, "a time up to 10m, such as 5s")
	drainTimeout   = durationFrom(time.Second, maxDrain, "a time from 1s to 10m, such as 20s")
	pathPrefix     = kind[string]{
		accepts: `a path such as /stats, of letters, digits and "-._~/"`,
		parse:   parsePathPrefix,
		format:  asIs,
	}
	boolean = kind[bool]{
		accepts: "true or false (or 1, 0, yes, no, on, off)",
		parse:   parseBool,
		format:  strconv.FormatBool,
	}
	email = kind[string]{
		accepts: "an e-mail address such as admin@example.org",
		parse: func(text string) (string, bool) {
			address, err := mail.ParseAddress(text)
			return text, err == nil && address.Address == text
		},
		format: asIs,
	}
	line = kind[string]{
		accepts: "text without line breaks and control characters",
		parse:   func(text string) (string, bool) { return text, isLine(text) },
		format:  asIs,
	}
	logFormat = kind[string]{
		accepts: LogText + " or " + LogJSON,
		parse: func(text string) (string, bool) {
			text = strings.ToLower(text)
			return text, text == LogText || text == LogJSON
		},
		format: asIs,
	}
	logLevel = kind[slog.Level]{
		accepts: "debug, info, warn or error",
		parse:   parseLevel,
		format:  func(level slog.Level) string { return strings.ToLower(level.String()) },
	}
	timeZone = kind[*time.Location]{
		accepts: "a name of the IANA time zone database such as Europe/Luxembourg",
		parse:   parseTimeZone,
		format: func(zone *time.Location) string {
			return Config{TimeZone: zone}.Location().String()
		},
	}
	size = kind[int64]{
		accepts: "a number of bytes above 0 such as 64000000, 64MB or 64MiB",
		parse:   parseSize,
		format:  func(n int64) string { return strconv.FormatInt(n, 10) },
	}
	rate = kind[float64]{
		accepts: "a number of requests per second such as 50 or 0.5, 0 being no limit",
		parse: func(text string) (float64, bool) {
			n, err := strconv.ParseFloat(text, 64)
			return n, err == nil && n >= 0 && !math.IsInf(n, 0)
		},
		format: func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) },
	}
)

var (
	token = kind[Secret]{
		accepts: "printable ASCII characters without spaces, because it travels in an HTTP header",
		parse: func(text string) (Secret, bool) {
			return Secret(text), !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
		},
		format: Secret.String,
	}
	password = kind[Secret]{
		accepts: "text without NUL characters",
		parse:   func(text string) (Secret, bool) { return Secret(text), !strings.Contains(text, "\x00") },
		format:  Secret.String,
	}
	databaseURL = kind[Secret]{
		accepts: "postgresql://user:password@host:5432/name, where special characters of user and password are percent-encoded (@ is %40, / is %2F, # is %23)",
		parse: func(text string) (Secret, bool) {
			u, err := url.Parse(text)
			return Secret(text), err == nil && isDatabaseURL(u)
		},
		format: redactDatabaseURL,
	}
)

func asIs(text string) string { return text }

func portFrom(least int, accepts string) kind[int] {
	return kind[int]{
		accepts: accepts,
		parse: func(text string) (int, bool) {
			port, err := strconv.Atoi(text)
			return port, err == nil && port >= least && port <= maxPort
		},
		format: strconv.Itoa,
	}
}

func durationFrom(least, most time.Duration, accepts string) kind[time.Duration] {
	return kind[time.Duration]{
		accepts: accepts,
		parse: func(text string) (time.Duration, bool) {
			d, err := time.ParseDuration(text)
			return d, err == nil && d >= least && d <= most
		},
		format: formatDuration,
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$`)

func parseHost(text string) (string, bool) {
	inner, bracketed := strings.CutPrefix(text, "[")
	if bracketed {
		inner = strings.TrimSuffix(inner, "]")
	}
	if _, err := netip.ParseAddr(inner); err == nil {
		return inner, true
	}
	return text, hostName.MatchString(text)
}

func isSocketFolder(host string) bool { return strings.HasPrefix(host, "/") }

func isLine(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

// parseWebURL refuses user information, so that no password ends up in a value that is
// shown.
func parseWebURL(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return "", false
	}
	return u.String(), (u.Scheme == "http" || u.Scheme == "https") && isPort(u.Port())
}

// isPort also accepts an empty port: the scheme has a default.
func isPort(text string) bool {
	if text == "" {
		return true
	}
	_, ok := databasePort.parse(text)
	return ok
}

func isDatabaseURL(u *url.URL) bool {
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return false
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	return u.Opaque == "" && u.Fragment == "" && (u.Host != "" || parameters.Get("host") != "")
}

const hidden = "xxxxx" // what url.URL.Redacted puts in place of a password

// redactDatabaseURL hides passwords in the authority and in parameters.
func redactDatabaseURL(connection Secret) string {
	u, err := url.Parse(string(connection))
	if err != nil {
		return connection.String()
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return connection.String()
	}
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query[name] = []string{hidden}
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}

var prefixCharacters = regexp.MustCompile(`^[A-Za-z0-9._~/-]*$`)

func parsePathPrefix(text string) (string, bool) {
	if !prefixCharacters.MatchString(text) || slices.Contains(strings.Split(text, "/"), "..") {
		return "", false
	}
	return strings.TrimSuffix(path.Clean("/"+text), "/"), true
}

func parseBool(text string) (bool, bool) {
	switch strings.ToLower(text) {
	case "true", "t", "1", "yes", "y", "on":
		return true, true
	case "false", "f", "0", "no", "n", "off":
		return false, true
	}
	return false, false
}

func parseLevel(text string) (slog.Level, bool) {
	switch strings.ToLower(text) {
	case "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn", "warning":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	}
	return 0, false
}

// parseTimeZone accepts a leading colon, as POSIX does. It refuses "Local" and paths:
// they mean different zones on different machines.
func parseTimeZone(text string) (*time.Location, bool) {
	name := strings.TrimPrefix(text, ":")
	if name == "" || name == "Local" {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

var (
	sizePattern = regexp.MustCompile(`^([0-9]+) ?([A-Za-z]*)$`)
	sizeUnits   = map[string]int64{
		"": 1, "b": 1,
		"kb": 1e3, "mb": 1e6, "gb": 1e9,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
	}
)

func parseSize(text string) (int64, bool) {
	parts := sizePattern.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	unit, known := sizeUnits[strings.ToLower(parts[2])]
	if err != nil || !known || n <= 0 || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}
