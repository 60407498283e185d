// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Topic is a group of settings that operators look for together.
type Topic struct {
	Title    string
	Settings []Description
}

// Description documents a setting for operators.
type Description struct {
	Name    string
	Default string // in the form of Redacted; may be empty
	Secret  bool
	Meaning string // sentences, with names in backquotes
	More    string // page and heading below docs/; may be empty
}

// topics describes every setting, in the order of settings.
var topics = []Topic{
	{"Network", []Description{
		{Name: "HOST", Meaning: "Name or address to listen on."},
		{Name: "PORT", Meaning: "Port to listen on; 0 takes a free one, which the log names. Front offices expect 5005."},
		{Name: "LISTEN", Meaning: "Where to listen, in place of `HOST` and `PORT`, with commas between several: `host:port` or the path of a Unix socket as `unix:/run/stats-service/http.sock`.", More: "operating.md#listening"},
		{Name: "TLS_CERT_FILE", Meaning: "Certificate chain in PEM. With it, the service serves TLS on the addresses of `LISTEN`.", More: "operating.md#tls"},
		{Name: "TLS_KEY_FILE", Meaning: "Its private key in PEM."},
		{Name: "ACME_DOMAINS", Meaning: "In place of these files: host names to obtain certificates for with ACME, separated by commas."},
		{Name: "ACME_DIRECTORY", Meaning: "URL of the ACME authority; without it, Let's Encrypt."},
		{Name: "METRICS_LISTEN", Meaning: "Where metrics and profiles are served, such as `127.0.0.1:9090`, in the form of `LISTEN`.", More: "operating.md#metrics"},
		{Name: "METRICS_TOKEN", Meaning: "Bearer token that grants access to metrics, also at `/metrics` next to the API."},
		{Name: "METRICS_ALLOW", Meaning: "Addresses and networks that may access `METRICS_LISTEN` without the token."},
		{Name: "DRAIN_DELAY", Meaning: "How long the service still accepts requests after the signal to stop, while `/readyz` reports it as not ready.", More: "operating.md#stopping"},
		{Name: "DRAIN_TIMEOUT", Meaning: "How long running requests may take after that."},
		{Name: "INSTANCE_URL", Meaning: "How others reach the service."},
		{Name: "SCRIPT_NAME", Meaning: "Path prefix below which the service answers, such as `/dashboard`.", More: "operating.md#behind-a-reverse-proxy"},
		{Name: "FIX_PROXY", Meaning: "Trust the `X-Forwarded-*` headers of a reverse proxy. Leave it off when callers can reach the service around the proxy: they could forge addresses.", More: "operating.md#behind-a-reverse-proxy"},
	}},
	{"Contact and admin", []Description{
		{Name: "ADMIN_EMAIL", Meaning: "Shown as contact on the pages, in `security.txt` and in `humans.txt`."},
		{Name: "ADMIN_URL", Meaning: "Shown as contact on the pages and in `humans.txt`; in `security.txt` too if it starts with `https://` or there is no `ADMIN_EMAIL`."},
		{Name: "ADMIN_TOKEN", Meaning: "API key of an admin client. `serve` creates one with this key if there is none. It promotes no existing client: if the key belongs to another client, the service does not start."},
	}},
	{"Exchange with another instance", []Description{
		{Name: "REMOTE_STATS_SERVER", Meaning: "Instance that statistics are pushed to or pulled from.", More: "operating.md#exchange-with-other-instances"},
		{Name: "REMOTE_STATS_TOKEN", Meaning: "API key at that instance."},
	}},
	{"Database", []Description{
		{Name: "DATABASE_URL", Meaning: "PostgreSQL to use, `postgresql://user:password@host:5432/name`. Wins over the `DB_` settings."},
		{Name: "DATABASE_LISTEN_URL", Meaning: "If `DATABASE_URL` is a pooler such as PgBouncer: the PostgreSQL server behind it, for immediate notification of changes and for `db_adopt`. Without it, a service behind a pooler polls for changes every second.", More: "operating.md#behind-a-pooler"},
		{Name: "DATABASE_READ_URL", Meaning: "Streaming replicas for lists, processing and public pages: `postgresql://user:password@replica1,replica2/name`, or several such URLs separated by commas.", More: "scale-out.md"},
		{Name: "DATABASE_READ_MAX_LAG", Meaning: "How far a replica may lag behind before the primary is used instead, from `1s` to `1h`."},
		{Name: "DB_HOSTNAME", Meaning: "Host of PostgreSQL, or the folder of its Unix socket. Without it and `DATABASE_URL` the service runs a private PostgreSQL.", More: "operating.md#the-private-database"},
		{Name: "DB_PORT", Meaning: "Port of PostgreSQL."},
		{Name: "DB_NAME", Meaning: "Name of the database."},
		{Name: "DB_USERNAME", Meaning: "Role at PostgreSQL; `statsservice` when `DB_HOSTNAME` is set without it."},
		{Name: "DB_PASSWORD", Meaning: "Its password; `statsservice` when `DB_HOSTNAME` is set without it."},
		{Name: "DB_POOL_SIZE", Meaning: "Maximum number of connections to the database and to each read replica, 4 to 1000. A `DATABASE_URL` with `pool_max_conns` has its own limit.", More: "operating.md#connections"},
		{Name: "SECRET_KEY", Meaning: "Seals the API keys of clients in the database, at least 16 characters. Without it one is generated in `DATA_DIR`. A shorter one is refused, unless clients are sealed with it already; then it is a warning.", More: "operating.md#two-secrets-to-keep"},
		{Name: "DATA_DIR", Meaning: "Folder for the service's own files. Relative paths depend on where a command is started, so set an absolute one."},
		{Name: "POSTGRES_MIRROR", Meaning: "Where PostgreSQL's binaries for the private database are fetched from, if none are installed: a URL, the absolute path of a folder, or `none`.", More: "operating.md#fetched-binaries"},
	}},
	{"Log", []Description{
		{Name: "LOG_PATH", Meaning: "File to append the log to, created with its folder; without it, standard error.", More: "operating.md#logs"},
		{Name: "LOG_FORMAT", Meaning: "`text` or `json`."},
		{Name: "LOG_LEVEL", Meaning: "`debug`, `info`, `warn` or `error`."},
		{Name: "LOG_ADDRESSES", Meaning: "Log the address of the caller with each request, as fail2ban needs it.", More: "operating.md#guessed-keys"},
	}},
	{"API", []Description{
		{Name: "MOSP_URL", Meaning: "Platform for looking up the names of objects."},
		{Name: "MOSP_ALLOW_PRIVATE", Meaning: "Allow the host name in `MOSP_URL` to resolve to a private address. A literal address may always be private."},
		{Name: "CLIENT_REGISTRATION_OPEN", Meaning: "Let anybody register a client over the API; otherwise only admins may."},
		{Name: "TZ", Meaning: "Time zone that decides which day it is, such as `Europe/Luxembourg`."},
		{Name: "MAX_BODY_BYTES", Meaning: "Largest accepted request body, also written `64MB`.", More: "operating.md#memory"},
		{Name: "MAX_CONNECTIONS", Meaning: "Connections at a time. A further one takes the place of the one that has been idle for the longest time.", More: "security.md#bounds"},
		{Name: "MAX_CONNECTIONS_PER_ADDRESS", Meaning: "Connections at a time from one IPv4 address or IPv6 /64; further ones are closed at once. Not with `FIX_PROXY`, nor on Unix sockets."},
		{Name: "TRUSTED_HOSTS", Meaning: "Hosts that requests may be for, separated by commas, in addition to that of `INSTANCE_URL`; other requests get 400. `.example.org` includes all subdomains. Without it, any host is accepted: front offices may use a network address."},
		{Name: "WRONG_KEYS", Meaning: "How many wrong API keys may come from one IPv4 address or IPv6 /64, or start with the same characters, before answers are delayed, by up to 8 seconds, and then become 429. Requests with a valid key never wait. 0 means no limit.", More: "operating.md#guessed-keys"},
		{Name: "MIN_BODY_RATE", Meaning: "Minimum rate, in bytes per second, at which a request body must arrive, on average after the first 10 seconds; slower requests get 408. Also written `4kB`; 0 means no limit."},
		{Name: "REQUEST_TIMEOUT", Meaning: "How long a request may take until its answer begins, not counting the upload of its body; after that it gets 503. Front offices wait for 30 seconds."},
		{Name: "RATE_LIMIT", Meaning: "Requests per second of each client, and of each IPv4 address or IPv6 /64 for requests without a valid key, with bursts of twice as many; more get 429. 0 means no limit. A page of the dashboard with its files is some ten requests, and behind a reverse proxy all callers share an address without `FIX_PROXY`."},
	}},
	{"Public pages", []Description{
		{Name: "PUBLIC_MIN_CLIENTS", Meaning: "Figures with fewer clients behind them are left out of the public pages, their exports and the public JSON routes. From 2 on, these show only complete weeks.", More: "operating.md#disclosure-control"},
		{Name: "PUBLIC_MIN_ANALYSES", Meaning: "Threats and vulnerabilities with fewer analyses are not ranked on the public pages, and their bars and points are hollow. If none has enough, all are shown, hollow."},
		{Name: "PUBLIC_COORDINATE_DECIMALS", Meaning: "Decimals of the coordinates that the public map shows, 0 to 6; 1 is about 10 km."},
		{Name: "ACTIVE_PAGES", Meaning: "Public pages to serve, with the exports of their charts."},
		{Name: "PUBLIC_LICENCE", Meaning: "URL of the licence under which the public figures may be reused, such as `https://creativecommons.org/licenses/by/4.0/`."},
		{Name: "EMBED_ORIGINS", Meaning: "Sites that may show charts in frames, such as `https://www.example.org`, with commas between them."},
	}},
}

// Reference returns every setting with its default, in the order of Redacted.
func Reference() []Topic {
	var standard Config
	known := map[string]setting{}
	for _, s := range settings {
		known[s.name] = s
		if s.fallback != "" {
			s.set(&standard, s.fallback)
		}
	}
	described := make([]Topic, len(topics))
	for i, topic := range topics {
		described[i].Title = topic.Title
		for _, d := range topic.Settings {
			s := known[d.Name]
			d.Default, d.Secret = s.show(&standard), s.secret
			described[i].Settings = append(described[i].Settings, d)
		}
	}
	return described
}

// installed has the settings of an installed service that differ from the defaults,
// which suit a trial run.
var installed = map[string]string{"PORT": "5005", "DATA_DIR": "/var/lib/stats-service"}

const templateHead = `# Settings of the MONARC Stats Service, for the service and its commands.
#
# A line that begins with "#" and a name has the default; remove the "#" to change it.
# Variables of the same names in the environment (in capitals) win over this file.
# A secret may be kept in a file of its own: add _file to the name and give the path.
# "stats-service config_check" says what is wrong; restart the service afterwards.
`

// templateWidth is the line length of comments in the template.
const templateWidth = 86

// Template returns a settings file for an installed service: every setting with its
// meaning; defaults are commented out.
func Template() string {
	var text strings.Builder
	text.WriteString(templateHead)
	for _, topic := range Reference() {
		fmt.Fprintf(&text, "\n## %s\n", topic.Title)
		for _, d := range topic.Settings {
			text.WriteString("\n")
			meaning := d.Meaning
			if d.Secret {
				meaning = "Secret. " + meaning
			}
			for _, line := range wrap(strings.ReplaceAll(meaning, "`", ""), templateWidth-2) {
				text.WriteString("# " + line + "\n")
			}
			name := strings.ToLower(d.Name)
			if value, differs := installed[d.Name]; differs {
				fmt.Fprintf(&text, "%s = %s\n", name, tomlValue(value))
			} else {
				fmt.Fprintf(&text, "#%s = %s\n", name, tomlValue(d.Default))
			}
		}
	}
	return text.String()
}

// tomlValue formats numbers and booleans as such, and everything else as a string.
func tomlValue(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil || text == "true" || text == "false" {
		return text
	}
	return strconv.Quote(text)
}

// wrap breaks text between words into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
