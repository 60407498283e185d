// SPDX-License-Identifier: AGPL-3.0-or-later

// Package config reads the settings of the service into one struct.
//
// A setting has the same name in the environment and in the optional file that
// STATS_CONFIG names (.toml, .yaml or .yml; names may be in lower case there); where
// that is unset, the file is DefaultFile, if it exists. A Python file is not read: a
// warning lists its settings. The environment takes precedence over the file, and the
// file over the defaults. An empty value counts as unset, because container tools pass
// on empty variables.
//
// A secret may be kept in a file of its own: NAME_FILE holds the path, and trailing
// line breaks are dropped. NAME and NAME_FILE in the same source are refused; across
// sources, the usual precedence applies.
//
// Load reports every problem at once. No error or output of this package shows a
// secret. That is why it has its own small parser: the usual libraries quote values
// that they cannot parse.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/monarc-project/stats-service/internal/listen"
)

// Secret is text that must not be printed. It hides itself from fmt, slog and
// encoding/json; convert it to string where the value itself is needed.
type Secret string

// String returns "(set)" or, for an empty secret, nothing.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(set)"
}

// GoString keeps %#v from printing the secret.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText keeps encoders from writing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps slog from writing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Config holds every setting, validated. Use Load to get one: the zero value lacks the
// defaults.
type Config struct {
	File     string   // the settings file that was read; empty: none
	Warnings []string // what an operator should change, without secrets; may be empty

	Host string // HOST: name or address to listen on, IPv6 without brackets
	Port int    // PORT: 0 takes any free port

	// Addresses (LISTEN) are where to listen in place of Host and Port; see Listen.
	Addresses []listen.Address

	TLSCertFile   string   // TLS_CERT_FILE: PEM; empty: no TLS, unless ACMEDomains is set
	TLSKeyFile    string   // TLS_KEY_FILE: PEM; set if TLSCertFile is
	ACMEDomains   []string // ACME_DOMAINS: host names to obtain certificates for; may be empty
	ACMEDirectory string   // ACME_DIRECTORY: URL of the authority; may be empty

	DrainDelay   time.Duration // DRAIN_DELAY: how long requests are still accepted after the signal to stop
	DrainTimeout time.Duration // DRAIN_TIMEOUT: how long running requests may take after that

	MetricsAddresses []listen.Address // METRICS_LISTEN: where metrics and profiles are served; may be empty
	MetricsToken     Secret           // METRICS_TOKEN: grants access to metrics; may be empty
	MetricsAllow     []netip.Prefix   // METRICS_ALLOW: addresses that may read METRICS_LISTEN without it

	InstanceURL string // INSTANCE_URL: how others reach the service, no slash at the end; may be empty
	ScriptName  string // SCRIPT_NAME: path prefix as "/x", or empty
	FixProxy    bool   // FIX_PROXY: trust the X-Forwarded-* headers

	AdminEmail string // ADMIN_EMAIL: shown as contact; may be empty
	AdminURL   string // ADMIN_URL: shown as contact; may be empty
	AdminToken Secret // ADMIN_TOKEN: the service creates an admin client with this token if there is none; may be empty

	RemoteStatsServer string // REMOTE_STATS_SERVER: peer for push and pull, no slash at the end; may be empty
	RemoteStatsToken  Secret // REMOTE_STATS_TOKEN: API key at that peer; may be empty

	DatabaseURL        Secret        // DATABASE_URL: wins over the DB_ settings; see Database
	DatabaseListenURL  Secret        // DATABASE_LISTEN_URL: direct connection for notifications, where DATABASE_URL is a pooler
	DatabaseReadURL    Secret        // DATABASE_READ_URL: replicas to read from; see ReadURLs
	DatabaseReadMaxLag time.Duration // DATABASE_READ_MAX_LAG: staleness bound of replicas, 1s to 1h
	DBHostname         string        // DB_HOSTNAME: name, address or absolute path of a socket folder
	DBPort             int           // DB_PORT
	DBName             string        // DB_NAME
	DBUsername         string        // DB_USERNAME: statsservice when DB_HOSTNAME alone is set
	DBPassword         Secret        // DB_PASSWORD: likewise
	DBPoolSize         int           // DB_POOL_SIZE: maximum number of database connections, at least 4; DATABASE_URL may set another limit

	SecretKey Secret // SECRET_KEY: encrypts secrets in the database; empty: generated and kept in DataDir. See IsWeakKey
	DataDir   string // DATA_DIR: folder for the service's own files

	// PostgresMirror (POSTGRES_MIRROR) is where binaries for the private database are
	// fetched from: a URL or an absolute path; "none" forbids it; empty means public
	// sources.
	PostgresMirror string

	LogPath      string     // LOG_PATH: file to append to; empty: standard error
	LogFormat    string     // LOG_FORMAT: LogText or LogJSON
	LogAddresses bool       // LOG_ADDRESSES: of callers
	LogLevel     slog.Level // LOG_LEVEL

	MOSPAllowPrivate bool   // MOSP_ALLOW_PRIVATE: the platform's host name may resolve to a private address
	MOSPURL          string // MOSP_URL: platform that object names are looked up on, no slash at the end

	// ClientRegistrationOpen (CLIENT_REGISTRATION_OPEN) lets anybody register a
	// client; when false only admins may.
	ClientRegistrationOpen bool

	TimeZone                 *time.Location // TZ: decides which day "today" is; see Location
	MaxBodyBytes             int64          // MAX_BODY_BYTES: largest request body, in bytes
	MaxConnections           int            // MAX_CONNECTIONS: at a time
	MaxConnectionsPerAddress int            // MAX_CONNECTIONS_PER_ADDRESS: of an IPv4 address or an IPv6 /64
	TrustedHosts             []string       // TRUSTED_HOSTS: hosts that requests may be for, besides the one in InstanceURL; empty: any
	WrongKeys                int            // WRONG_KEYS: how many an address may send before it must wait; 0: any number
	MinBodyRate              int64          // MIN_BODY_RATE: minimum bytes per second at which bodies arrive; 0: no limit
	RequestTimeout           time.Duration  // REQUEST_TIMEOUT: until the answer of a request begins
	RateLimit                float64        // RATE_LIMIT: requests per second and network address; 0: no limit

	// What the public pages show.
	PublicMinClients         int      // PUBLIC_MIN_CLIENTS: figures of fewer clients are suppressed, at least 1
	PublicMinAnalyses        int      // PUBLIC_MIN_ANALYSES: figures of fewer analyses are not ranked, at least 1
	PublicCoordinateDecimals int      // PUBLIC_COORDINATE_DECIMALS: of the coordinates on the map, 0 to 6
	ActivePages              []string // ACTIVE_PAGES: names of the pages that are served
	PublicLicence            string   // PUBLIC_LICENCE: URL of the licence of the public figures; may be empty
	EmbedOrigins             []string // EMBED_ORIGINS: sites that may show charts in frames; may be empty
}

// The values of Config.LogFormat.
const (
	LogText = "text"
	LogJSON = "json"
)

// Database returns the connection URL of the configured PostgreSQL. If none is
// configured, the service runs its own. The URL contains the password.
func (c Config) Database() (connection string, configured bool) {
	if c.DatabaseURL != "" {
		return string(c.DatabaseURL), true
	}
	if c.DBHostname == "" {
		return "", false
	}
	u := url.URL{
		Scheme: "postgresql",
		User:   c.databaseUser(),
		Path:   "/" + c.DBName,
	}
	port := strconv.Itoa(c.DBPort)
	if isSocketFolder(c.DBHostname) {
		u.RawQuery = url.Values{"host": {c.DBHostname}, "port": {port}}.Encode()
	} else {
		u.Host = net.JoinHostPort(c.DBHostname, port)
	}
	return u.String(), true
}

func (c Config) databaseUser() *url.Userinfo {
	switch {
	case c.DBPassword != "":
		return url.UserPassword(c.DBUsername, string(c.DBPassword))
	case c.DBUsername != "":
		return url.User(c.DBUsername)
	}
	return nil
}

// IsWeakKey reports whether SECRET_KEY is too short for a new instance. Existing
// instances keep working with a short key.
func (c Config) IsWeakKey() bool {
	return c.SecretKey != "" && utf8.RuneCountInString(string(c.SecretKey)) < MinKeyLength
}

// Listen returns the addresses to listen on, at least one. With TLS the default scheme
// is https.
func (c Config) Listen() []listen.Address {
	addresses := slices.Clone(c.Addresses)
	if len(addresses) == 0 {
		addresses = []listen.Address{{Network: "tcp", Address: net.JoinHostPort(c.Host, strconv.Itoa(c.Port))}}
	}
	for i := range addresses {
		if addresses[i].Scheme == listen.Any && c.hasTLS() {
			addresses[i].Scheme = listen.HTTPS
		}
	}
	return addresses
}

func (c Config) hasTLS() bool { return c.TLSCertFile != "" || len(c.ACMEDomains) > 0 }

// Location returns the time zone that decides which day "today" is, never nil.
func (c Config) Location() *time.Location {
	if c.TimeZone == nil {
		return time.UTC
	}
	return c.TimeZone
}

// Setting is one setting in printable form.
type Setting struct {
	Name  string
	Value string // secrets: "(set)" or empty
}

// Redacted lists all settings in a fixed order without secrets. Passwords in connection
// URLs are replaced.
func (c Config) Redacted() []Setting {
	shown := make([]Setting, len(settings))
	for i, s := range settings {
		shown[i] = Setting{Name: s.name, Value: s.show(&c)}
	}
	return shown
}

// LogValue logs the redacted settings as a group.
func (c Config) LogValue() slog.Value {
	attrs := make([]slog.Attr, len(settings))
	for i, s := range c.Redacted() {
		attrs[i] = slog.String(s.Name, s.Value)
	}
	return slog.GroupValue(attrs...)
}
