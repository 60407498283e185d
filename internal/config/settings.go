// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/monarc-project/stats-service/internal/listen"
	"github.com/monarc-project/stats-service/internal/suggest"
)

// setting ties a name to a field of Config.
type setting struct {
	name     string
	fallback string // the default; empty leaves the zero value
	accepts  string // completes "accepted is ..."
	secret   bool   // never quoted, may come as NAME_FILE
	set      func(c *Config, text string) bool
	show     func(c *Config) string
}

// defaultDatabaseName is the default name of the database and, if DB_HOSTNAME is set,
// of its role and the password.
const defaultDatabaseName = "statsservice"

// settings lists every setting in the order in which they are shown.
var settings = []setting{
	define("HOST", "127.0.0.1", host, func(c *Config) *string { return &c.Host }),
	define("PORT", "5000", listenPort, func(c *Config) *int { return &c.Port }),
	define("LISTEN", "", addresses, func(c *Config) *[]listen.Address { return &c.Addresses }),
	define("TLS_CERT_FILE", "", line, func(c *Config) *string { return &c.TLSCertFile }),
	define("TLS_KEY_FILE", "", line, func(c *Config) *string { return &c.TLSKeyFile }),
	define("ACME_DOMAINS", "", domains, func(c *Config) *[]string { return &c.ACMEDomains }),
	define("ACME_DIRECTORY", "", baseURL, func(c *Config) *string { return &c.ACMEDirectory }),
	define("METRICS_LISTEN", "", addresses, func(c *Config) *[]listen.Address { return &c.MetricsAddresses }),
	secret("METRICS_TOKEN", token, func(c *Config) *Secret { return &c.MetricsToken }),
	define("METRICS_ALLOW", "127.0.0.0/8,::1/128", networks, func(c *Config) *[]netip.Prefix { return &c.MetricsAllow }),
	define("DRAIN_DELAY", "0s", drainDelay, func(c *Config) *time.Duration { return &c.DrainDelay }),
	define("DRAIN_TIMEOUT", "20s", drainTimeout, func(c *Config) *time.Duration { return &c.DrainTimeout }),
	define("INSTANCE_URL", "", baseURL, func(c *Config) *string { return &c.InstanceURL }),
	define("SCRIPT_NAME", "", pathPrefix, func(c *Config) *string { return &c.ScriptName }),
	define("FIX_PROXY", "", boolean, func(c *Config) *bool { return &c.FixProxy }),
	define("ADMIN_EMAIL", "", email, func(c *Config) *string { return &c.AdminEmail }),
	define("ADMIN_URL", "", pageURL, func(c *Config) *string { return &c.AdminURL }),
	secret("ADMIN_TOKEN", token, func(c *Config) *Secret { return &c.AdminToken }),
	define("REMOTE_STATS_SERVER", "", baseURL, func(c *Config) *string { return &c.RemoteStatsServer }),
	secret("REMOTE_STATS_TOKEN", token, func(c *Config) *Secret { return &c.RemoteStatsToken }),
	secret("DATABASE_URL", databaseURL, func(c *Config) *Secret { return &c.DatabaseURL }),
	secret("DATABASE_LISTEN_URL", databaseURL, func(c *Config) *Secret { return &c.DatabaseListenURL }),
	secret("DATABASE_READ_URL", readURLs, func(c *Config) *Secret { return &c.DatabaseReadURL }),
	define("DATABASE_READ_MAX_LAG", "30s", lag, func(c *Config) *time.Duration { return &c.DatabaseReadMaxLag }),
	define("DB_HOSTNAME", "", databaseHost, func(c *Config) *string { return &c.DBHostname }),
	define("DB_PORT", "5432", databasePort, func(c *Config) *int { return &c.DBPort }),
	define("DB_NAME", defaultDatabaseName, line, func(c *Config) *string { return &c.DBName }),
	define("DB_USERNAME", "", line, func(c *Config) *string { return &c.DBUsername }),
	secret("DB_PASSWORD", password, func(c *Config) *Secret { return &c.DBPassword }),
	define("DB_POOL_SIZE", "16", poolSize, func(c *Config) *int { return &c.DBPoolSize }),
	secret("SECRET_KEY", password, func(c *Config) *Secret { return &c.SecretKey }),
	define("DATA_DIR", "./var", line, func(c *Config) *string { return &c.DataDir }),
	define("POSTGRES_MIRROR", "", mirror, func(c *Config) *string { return &c.PostgresMirror }),
	define("LOG_PATH", "", line, func(c *Config) *string { return &c.LogPath }),
	define("LOG_FORMAT", LogText, logFormat, func(c *Config) *string { return &c.LogFormat }),
	define("LOG_LEVEL", "info", logLevel, func(c *Config) *slog.Level { return &c.LogLevel }),
	define("LOG_ADDRESSES", "true", boolean, func(c *Config) *bool { return &c.LogAddresses }),
	define("MOSP_URL", "https://objects.monarc.lu", baseURL, func(c *Config) *string { return &c.MOSPURL }),
	define("MOSP_ALLOW_PRIVATE", "", boolean, func(c *Config) *bool { return &c.MOSPAllowPrivate }),
	define("CLIENT_REGISTRATION_OPEN", "", boolean, func(c *Config) *bool { return &c.ClientRegistrationOpen }),
	define("TZ", "UTC", timeZone, func(c *Config) **time.Location { return &c.TimeZone }),
	define("MAX_BODY_BYTES", "64MB", size, func(c *Config) *int64 { return &c.MaxBodyBytes }),
	define("MAX_CONNECTIONS", "4096", connections, func(c *Config) *int { return &c.MaxConnections }),
	define("MAX_CONNECTIONS_PER_ADDRESS", "256", connections, func(c *Config) *int { return &c.MaxConnectionsPerAddress }),
	define("TRUSTED_HOSTS", "", trustedHosts, func(c *Config) *[]string { return &c.TrustedHosts }),
	define("WRONG_KEYS", "10", wrongKeys, func(c *Config) *int { return &c.WrongKeys }),
	define("MIN_BODY_RATE", "4kB", byteRate, func(c *Config) *int64 { return &c.MinBodyRate }),
	define("REQUEST_TIMEOUT", "25s", requestTimeout, func(c *Config) *time.Duration { return &c.RequestTimeout }),
	define("RATE_LIMIT", "0", rate, func(c *Config) *float64 { return &c.RateLimit }),
	define("PUBLIC_MIN_CLIENTS", "1", minClients, func(c *Config) *int { return &c.PublicMinClients }),
	define("PUBLIC_MIN_ANALYSES", "3", minAnalyses, func(c *Config) *int { return &c.PublicMinAnalyses }),
	define("PUBLIC_COORDINATE_DECIMALS", "1", decimals, func(c *Config) *int { return &c.PublicCoordinateDecimals }),
	define("ACTIVE_PAGES", strings.Join(pageNames, ","), pages, func(c *Config) *[]string { return &c.ActivePages }),
	define("PUBLIC_LICENCE", "", pageURL, func(c *Config) *string { return &c.PublicLicence }),
	define("EMBED_ORIGINS", "", origins, func(c *Config) *[]string { return &c.EmbedOrigins }),
}

// define returns the setting that reads text of kind k into the field.
func define[T any](name, fallback string, k kind[T], field func(*Config) *T) setting {
	return setting{
		name:     name,
		fallback: fallback,
		accepts:  k.accepts,
		set: func(c *Config, text string) bool {
			value, ok := k.parse(text)
			if ok {
				*field(c) = value
			}
			return ok
		},
		show: func(c *Config) string { return k.format(*field(c)) },
	}
}

// secret returns a setting without default that is never quoted.
func secret(name string, k kind[Secret], field func(*Config) *Secret) setting {
	s := define(name, "", k, field)
	s.secret = true
	return s
}

// isSetting reports whether name is a setting or the NAME_FILE of a secret.
func isSetting(name string) bool {
	for _, s := range settings {
		if name == s.name || s.secret && name == s.name+fileSuffix {
			return true
		}
	}
	return false
}

// closest returns the setting that name is probably a misspelling of, or "".
func closest(name string) string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.name
	}
	return suggest.Closest(name, names)
}
