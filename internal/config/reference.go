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

// Description is what operators read about a setting.
type Description struct {
	Name    string
	Default string // as Redacted shows it; may be empty
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
		{Name: "TLS_CERT_FILE", Meaning: "Certificate in PEM, with those that it is signed by: addresses of `LISTEN` speak TLS then.", More: "operating.md#tls"},
		{Name: "TLS_KEY_FILE", Meaning: "Its private key in PEM."},
		{Name: "ACME_DOMAINS", Meaning: "In place of these files: names that certificates are got for by ACME, with commas between them."},
		{Name: "ACME_DIRECTORY", Meaning: "URL of the ACME authority; without it, Let's Encrypt."},
		{Name: "METRICS_LISTEN", Meaning: "Where metrics and profiles are served, such as `127.0.0.1:9090`, in the form of `LISTEN`.", More: "operating.md#metrics"},
		{Name: "METRICS_TOKEN", Meaning: "Lets its bearer read metrics, also at `/metrics` beside the API."},
		{Name: "METRICS_ALLOW", Meaning: "Addresses and networks that may read what `METRICS_LISTEN` serves without the token."},
		{Name: "DRAIN_DELAY", Meaning: "How long the service still takes requests after the signal to stop, while `/readyz` says to send none.", More: "operating.md#stopping"},
		{Name: "DRAIN_TIMEOUT", Meaning: "How long requests that are under way may go on then."},
		{Name: "INSTANCE_URL", Meaning: "How others reach the service."},
		{Name: "SCRIPT_NAME", Meaning: "Path prefix below which the service answers, such as `/dashboard`.", More: "operating.md#behind-a-reverse-proxy"},
		{Name: "FIX_PROXY", Meaning: "Trust the `X-Forwarded-*` headers of a reverse proxy. Leave it off when callers can reach the service around the proxy: they could make up addresses.", More: "operating.md#behind-a-reverse-proxy"},
	}},
	{"Contact and admin", []Description{
		{Name: "ADMIN_EMAIL", Meaning: "Shown as contact on the pages, in `security.txt` and in `humans.txt`."},
		{Name: "ADMIN_URL", Meaning: "Shown as contact on the pages and in `humans.txt`; in `security.txt` too if it starts with `https://` or there is no `ADMIN_EMAIL`."},
		{Name: "ADMIN_TOKEN", Meaning: "API key of an admin client, which `serve` creates when there is none with that key. Nobody is promoted: if the key is another client's, the service does not start."},
	}},
	{"Exchange with another instance", []Description{
		{Name: "REMOTE_STATS_SERVER", Meaning: "Instance that statistics are pushed to or pulled from.", More: "operating.md#exchange-with-other-instances"},
		{Name: "REMOTE_STATS_TOKEN", Meaning: "API key at that instance."},
	}},
	{"Database", []Description{
		{Name: "DATABASE_URL", Meaning: "PostgreSQL to use, `postgresql://user:password@host:5432/name`. Wins over the `DB_` settings."},
		{Name: "DATABASE_LISTEN_URL", Meaning: "Where `DATABASE_URL` leads to a pooler such as PgBouncer: the PostgreSQL behind it, to hear of changes at once. Without it, a service behind a pooler asks for them every second.", More: "operating.md#behind-a-pooler"},
		{Name: "DATABASE_READ_URL", Meaning: "Streaming replicas that lists, processing and public pages are read from: `postgresql://user:password@replica1,replica2/name`, or several such URLs with commas between them.", More: "scale-out.md"},
		{Name: "DATABASE_READ_MAX_LAG", Meaning: "How far a replica may be behind before the primary is asked instead, from `1s` to `1h`."},
		{Name: "DB_HOSTNAME", Meaning: "Host of PostgreSQL, or the folder of its Unix socket. Without it and `DATABASE_URL` the service runs a private PostgreSQL.", More: "operating.md#the-private-database"},
		{Name: "DB_PORT", Meaning: "Port of PostgreSQL."},
		{Name: "DB_NAME", Meaning: "Name of the database."},
		{Name: "DB_USERNAME", Meaning: "Role at PostgreSQL; `statsservice` when `DB_HOSTNAME` is set without it."},
		{Name: "DB_PASSWORD", Meaning: "Its password; `statsservice` when `DB_HOSTNAME` is set without it."},
		{Name: "DB_POOL_SIZE", Meaning: "Connections to the database at most, and as many to each read replica, 4 to 1000. A `DATABASE_URL` with `pool_max_conns` has its own limit.", More: "operating.md#connections"},
		{Name: "SECRET_KEY", Meaning: "Seals the API keys of clients in the database, at least 16 characters. Without it one is generated in `DATA_DIR`. A shorter one is refused, unless clients are sealed with it already; then it is a warning.", More: "operating.md#two-secrets-to-keep"},
		{Name: "DATA_DIR", Meaning: "Folder for what the service keeps itself. Relative paths depend on where a command is started, so set an absolute one."},
		{Name: "POSTGRES_MIRROR", Meaning: "Where PostgreSQL's binaries for the private database are fetched from, if none are installed: a URL, the absolute path of a folder, or `none`.", More: "operating.md#fetched-binaries"},
	}},
	{"Log", []Description{
		{Name: "LOG_PATH", Meaning: "File that the log is appended to, made with its folder; without it, standard error.", More: "operating.md#logs"},
		{Name: "LOG_FORMAT", Meaning: "`text` or `json`."},
		{Name: "LOG_LEVEL", Meaning: "`debug`, `info`, `warn` or `error`."},
		{Name: "LOG_ADDRESSES", Meaning: "Log the address of the caller with each request, as fail2ban needs it.", More: "operating.md#keys-that-are-guessed"},
	}},
	{"API", []Description{
		{Name: "MOSP_URL", Meaning: "Platform that names of objects are looked up on."},
		{Name: "MOSP_ALLOW_PRIVATE", Meaning: "Let the host name in `MOSP_URL` stand for a private address; one that is an address itself may be private anyway."},
		{Name: "CLIENT_REGISTRATION_OPEN", Meaning: "Let anybody register a client over the API; otherwise only admins may."},
		{Name: "TZ", Meaning: "Time zone that decides which day it is, such as `Europe/Luxembourg`."},
		{Name: "MAX_BODY_BYTES", Meaning: "Largest request body that is read, also written `64MB`.", More: "operating.md#memory"},
		{Name: "MAX_CONNECTIONS", Meaning: "Connections at a time. A further one takes the place of the one that has been idle for the longest time.", More: "security.md#bounds"},
		{Name: "MAX_CONNECTIONS_PER_ADDRESS", Meaning: "Connections at a time from one IPv4 address or IPv6 /64; further ones are closed at once. Not with `FIX_PROXY`, nor on Unix sockets."},
		{Name: "TRUSTED_HOSTS", Meaning: "Hosts that requests may be for, with commas between them, beside that of `INSTANCE_URL`; others are answered 400. `.example.org` stands for all below it. Without it, any host: front offices may use an address of the network."},
		{Name: "WRONG_KEYS", Meaning: "How many wrong API keys an IPv4 address or IPv6 /64 may send, or everybody with the same first characters, before answers are delayed, up to 8 seconds, and then 429. Who has a right key never waits for that. 0 is no limit.", More: "operating.md#keys-that-are-guessed"},
		{Name: "MIN_BODY_RATE", Meaning: "Bytes per second with which the body of a request arrives at least, on average and after 10 seconds; a slower one is answered 408. Also written `4kB`; 0 is no bound."},
		{Name: "REQUEST_TIMEOUT", Meaning: "How long a request may take until its answer begins, without the time in which its body arrives; then it is answered 503. Front offices wait for 30 seconds."},
		{Name: "RATE_LIMIT", Meaning: "Requests per second of each client, and of each IPv4 address or IPv6 /64 for requests without a right key, twice as many at once; more are answered 429. 0 is no limit. A page of the dashboard with its files is some ten requests, and behind a reverse proxy all callers share an address without `FIX_PROXY`."},
	}},
	{"Public pages", []Description{
		{Name: "PUBLIC_MIN_CLIENTS", Meaning: "Figures that fewer clients stand behind are left out of the public pages, their exports and the public JSON routes. From 2 on these show whole weeks that are over.", More: "operating.md#figures-of-few"},
		{Name: "PUBLIC_MIN_ANALYSES", Meaning: "Threats and vulnerabilities of fewer analyses are in no ranking of the public pages, and their bars and points are hollow. Where none has as many, all are shown, hollow."},
		{Name: "PUBLIC_COORDINATE_DECIMALS", Meaning: "Decimals of the coordinates that the public map shows, 0 to 6; 1 is about 10 km."},
		{Name: "ACTIVE_PAGES", Meaning: "Public pages that are served, with the exports of their charts."},
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

// installed are the settings of an installed service that differ from the defaults,
// which are those of a program that is tried out.
var installed = map[string]string{"PORT": "5005", "DATA_DIR": "/var/lib/stats-service"}

const templateHead = `# Settings of the MONARC Stats Service, for the service and its commands.
#
# A line that begins with "#" and a name has the default; remove the "#" to change it.
# Variables of the same names in the environment (in capitals) win over this file.
# A secret may be kept in a file of its own: add _file to the name and give the path.
# "stats-service config_check" says what is wrong; restart the service afterwards.
`

// templateWidth is how long a comment in the template gets.
const templateWidth = 86

// Template returns a settings file for an installed service: every setting with its
// meaning, those that are left to their default commented out.
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

// tomlValue writes numbers and booleans as such, and all else as text.
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
