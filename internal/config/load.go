// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/monarc-project/stats-service/internal/listen"
)

const (
	fileVariable = "STATS_CONFIG"
	fileSuffix   = "_FILE"
)

// DefaultFile is the settings file if STATS_CONFIG names none. The installed service
// uses it, so commands find the same settings.
const DefaultFile = "/etc/stats-service/stats-service.toml"

// Error lists all problems of the configuration, one per line, without secrets.
type Error struct {
	Problems []string
}

// Error returns one problem per line.
func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// Load reads the settings from environ (NAME=value, as os.Environ returns it) and from
// the file named by STATS_CONFIG. If that is unset or names a Python file, Load reads
// DefaultFile if it exists. readFile is os.ReadFile or a fake; it also reads the files
// of secrets. The error is an *Error with all problems; the Config is then the zero
// value.
func Load(environ []string, readFile func(name string) ([]byte, error)) (Config, error) {
	l := loader{readFile: readFile, given: map[string]bool{}}
	l.sources = []source{environment(environ)}
	l.addFile(l.sources[0].values[fileVariable])
	for _, s := range settings {
		l.load(s)
	}
	l.checkDatabase()
	l.defaultDatabase()
	l.checkTLS()
	if len(l.problems) > 0 {
		return Config{}, &Error{Problems: l.problems}
	}
	return l.config, nil
}

// source is the environment or a file with settings.
type source struct {
	label  string // completes "PORT in ..."
	values map[string]string
}

// loader collects the settings and their problems.
type loader struct {
	readFile func(string) ([]byte, error)
	sources  []source // highest precedence first
	config   Config
	given    map[string]bool // settings that have a value other than the default
	problems []string
}

// addFile adds the settings file as a source, if there is one.
func (l *loader) addFile(named string) {
	if isPython(named) {
		l.config.Warnings = append(l.config.Warnings, l.pythonWarning(named))
		named = "" // its settings may have moved to the default file
	}
	if named == "" {
		if _, err := l.readFile(DefaultFile); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return
		}
		named = DefaultFile
	}
	l.config.File = named
	l.sources = append(l.sources, l.file(named))
}

func environment(environ []string) source {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	return source{label: "the environment", values: values}
}

func (l *loader) report(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// load stores the setting's value from the first source that has one.
func (l *loader) load(s setting) {
	for _, from := range l.sources {
		value, path := from.values[s.name], ""
		if s.secret {
			path = from.values[s.name+fileSuffix]
		}
		if value == "" && path == "" {
			continue
		}
		l.given[s.name] = true
		l.take(s, from, value, path)
		return
	}
	if s.fallback != "" {
		s.set(&l.config, s.fallback)
	}
}

// take stores value, or the content of the file at path when it is not empty.
func (l *loader) take(s setting, from source, value, path string) {
	switch {
	case path == "":
		l.store(s, from.label, value)
	case value != "":
		l.report("%[1]s and %[1]s%[2]s are both set in %[3]s; set one of them", s.name, fileSuffix, from.label)
	default:
		if content, ok := l.readSecret(s.name+fileSuffix, from, path); ok {
			l.store(s, fmt.Sprintf("%q", path), content)
		}
	}
}

func (l *loader) readSecret(name string, from source, path string) (string, bool) {
	content, err := l.readFile(path)
	if err != nil {
		l.report("%s in %s names %q, which cannot be read: %v; accepted is the path of a file with the secret",
			name, from.label, path, reason(err))
		return "", false
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		l.report("%s in %s names %q, which is empty; accepted is the path of a file with the secret",
			name, from.label, path)
	}
	return text, text != ""
}

// reason returns err without the path, which the message already has.
func reason(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// userinfo matches the part of a URL that may contain a password.
var userinfo = regexp.MustCompile(`//.*@`)

func (l *loader) store(s setting, label, value string) {
	if s.set(&l.config, value) {
		return
	}
	if s.secret {
		l.report("%s in %s cannot be used; accepted is %s", s.name, label, s.accepts)
		return
	}
	harmless := userinfo.ReplaceAllLiteralString(value, "//"+hidden+"@")
	l.report("%s in %s is %.100q; accepted is %s", s.name, label, harmless, s.accepts)
}

// checkDatabase refuses database settings that would have no effect: the service would
// silently run on its private database.
func (l *loader) checkDatabase() {
	if l.given["DATABASE_URL"] || l.given["DB_HOSTNAME"] {
		return
	}
	var idle []string
	for _, name := range []string{"DB_PORT", "DB_NAME", "DB_USERNAME", "DB_PASSWORD", "DATABASE_LISTEN_URL", "DATABASE_READ_URL"} {
		if l.given[name] {
			idle = append(idle, name)
		}
	}
	if len(idle) > 0 {
		l.report("set without DB_HOSTNAME: %s; set DB_HOSTNAME or DATABASE_URL too, or none of these for a private database",
			strings.Join(idle, ", "))
	}
}

// checkTLS refuses a certificate without its key or the reverse, and TLS addresses
// without a certificate.
func (l *loader) checkTLS() {
	c := l.config
	switch {
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		l.report("TLS_CERT_FILE and TLS_KEY_FILE belong together: set both, or none of them")
	case c.TLSCertFile != "" && len(c.ACMEDomains) > 0:
		l.report("TLS_CERT_FILE and ACME_DOMAINS are both set; set one of them")
	}
	for _, address := range slices.Concat(c.Addresses, c.MetricsAddresses) {
		if address.Scheme == listen.HTTPS && !c.hasTLS() {
			l.report("%s needs a certificate: set TLS_CERT_FILE and TLS_KEY_FILE, or ACME_DOMAINS", address)
		}
	}
}

// defaultDatabase fills in the missing DB_ settings if DB_HOSTNAME is set, as the
// Python service's container does.
func (l *loader) defaultDatabase() {
	if !l.given["DB_HOSTNAME"] {
		return
	}
	if !l.given["DB_USERNAME"] {
		l.config.DBUsername = defaultDatabaseName
	}
	if !l.given["DB_PASSWORD"] {
		l.config.DBPassword = defaultDatabaseName
	}
}
