// SPDX-License-Identifier: AGPL-3.0-or-later

package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/listen"
)

// files maps paths to contents and stands in for the disk.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	content, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(content), nil
}

func load(t *testing.T, disk files, environ ...string) config.Config {
	t.Helper()
	c, err := config.Load(environ, disk.read)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func problems(t *testing.T, disk files, environ ...string) []string {
	t.Helper()
	c, err := config.Load(environ, disk.read)
	var failed *config.Error
	if !errors.As(err, &failed) {
		t.Fatalf("Load returned %v, want a *config.Error", err)
	}
	if !cmp.Equal(c, config.Config{}) {
		t.Error("Load returned a configuration beside the error")
	}
	return failed.Problems
}

func defaults() config.Config {
	return config.Config{
		Host:   "127.0.0.1",
		Port:   5000,
		DBPort: 5432,

		DatabaseReadMaxLag: 30 * time.Second,
		DrainTimeout:       20 * time.Second,
		MetricsAllow:       []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},

		DBName:       "statsservice",
		DBPoolSize:   16,
		DataDir:      "./var",
		LogFormat:    config.LogText,
		LogLevel:     slog.LevelInfo,
		MOSPURL:      "https://objects.monarc.lu",
		TimeZone:     time.UTC,
		MaxBodyBytes: 64_000_000, WrongKeys: 10, LogAddresses: true, MaxConnections: 4096, MaxConnectionsPerAddress: 256, MinBodyRate: 4_000, RequestTimeout: 25 * time.Second,

		PublicMinClients: 1, PublicMinAnalyses: 3, PublicCoordinateDecimals: 1,
		ActivePages: []string{"stats", "evolution", "cartography", "compliance", "map", "data", "about", "help"},
	}
}

var compareZones = cmp.Options{
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"nothing":      nil,
		"empty values": {"PORT=", "ADMIN_TOKEN=", "ADMIN_TOKEN_FILE=", "STATS_CONFIG=", "DB_NAME=", "TZ="},
		"unrelated":    {"PATH=/bin", "port=1", "=C:=weird", "no equals sign"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(defaults(), load(t, nil, environ...), compareZones); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLoadEverySetting(t *testing.T) {
	t.Parallel()
	environ := []string{
		"HOST=0.0.0.0", "PORT=8080", "LISTEN=https://0.0.0.0:443, unix:/run/stats/http.sock", "TLS_CERT_FILE=", "TLS_KEY_FILE=", "ACME_DOMAINS=Stats.example.org, b.example.org", "ACME_DIRECTORY=https://ca.example.org/directory", "DRAIN_DELAY=5s", "DRAIN_TIMEOUT=1m", "METRICS_LISTEN=127.0.0.1:9090", "METRICS_TOKEN=metrics-token", "METRICS_ALLOW=10.0.0.1, fd00::/8",
		"INSTANCE_URL=https://stats.example.org/monarc/", "SCRIPT_NAME=monarc/",
		"FIX_PROXY=True", "ADMIN_EMAIL=admin@example.org", "ADMIN_URL=https://example.org/contact?to=us#form",
		"ADMIN_TOKEN=admin-token", "REMOTE_STATS_SERVER=https://central.example.org/", "REMOTE_STATS_TOKEN=remote-token",
		"DATABASE_URL=postgres://u:p@db/stats", "DATABASE_LISTEN_URL=postgres://u:p@direct/stats", "DATABASE_READ_URL=postgres://u:p@r1,r2/stats", "DATABASE_READ_MAX_LAG=2m",
		"DB_HOSTNAME=db.example.org", "DB_PORT=6432", "DB_NAME=stats",
		"DB_USERNAME=monarc", "DB_PASSWORD=p w", "DB_POOL_SIZE=40", "SECRET_KEY=0123456789abcdef", "DATA_DIR=/srv/stats", "POSTGRES_MIRROR=https://mirror.example.org/postgres/",
		"LOG_PATH=/var/log/stats.log", "LOG_FORMAT=JSON", "LOG_LEVEL=Debug", "MOSP_URL=http://mosp.example.org:8000",
		"CLIENT_REGISTRATION_OPEN=yes", "TZ=Europe/Luxembourg", "MAX_BODY_BYTES=2MiB", "TRUSTED_HOSTS=stats.example.org, .Internal.example,192.0.2.7", "MOSP_ALLOW_PRIVATE=1", "WRONG_KEYS=3", "LOG_ADDRESSES=no", "MAX_CONNECTIONS=10", "MAX_CONNECTIONS_PER_ADDRESS=5", "MIN_BODY_RATE=1kB", "REQUEST_TIMEOUT=50s", "RATE_LIMIT=0.5",
		"PUBLIC_MIN_CLIENTS=3", "PUBLIC_MIN_ANALYSES=5", "PUBLIC_COORDINATE_DECIMALS=0", "ACTIVE_PAGES=stats, help",
		"PUBLIC_LICENCE=https://creativecommons.org/licenses/by/4.0/",
		"EMBED_ORIGINS=https://www.example.org, https://intranet.example.org:8443",
	}
	luxembourg, err := time.LoadLocation("Europe/Luxembourg")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Host: "0.0.0.0", Port: 8080,
		Addresses: []listen.Address{
			{Network: "tcp", Address: "0.0.0.0:443", Scheme: listen.HTTPS},
			{Network: "unix", Address: "/run/stats/http.sock", Scheme: listen.HTTP},
		},
		ACMEDomains: []string{"stats.example.org", "b.example.org"}, ACMEDirectory: "https://ca.example.org/directory",
		DrainDelay: 5 * time.Second, DrainTimeout: time.Minute,
		MetricsAddresses: []listen.Address{{Network: "tcp", Address: "127.0.0.1:9090"}}, MetricsToken: "metrics-token",
		MetricsAllow: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("fd00::/8")},
		InstanceURL:  "https://stats.example.org/monarc", ScriptName: "/monarc",
		FixProxy: true, AdminEmail: "admin@example.org", AdminURL: "https://example.org/contact?to=us#form",
		AdminToken: "admin-token", RemoteStatsServer: "https://central.example.org", RemoteStatsToken: "remote-token",
		DatabaseURL: "postgres://u:p@db/stats", DatabaseListenURL: "postgres://u:p@direct/stats", DatabaseReadURL: "postgres://u:p@r1,r2/stats", DatabaseReadMaxLag: 2 * time.Minute,
		DBHostname: "db.example.org", DBPort: 6432, DBName: "stats",
		DBUsername: "monarc", DBPassword: "p w", DBPoolSize: 40, SecretKey: "0123456789abcdef", DataDir: "/srv/stats", PostgresMirror: "https://mirror.example.org/postgres",
		LogPath: "/var/log/stats.log", LogFormat: config.LogJSON, LogLevel: slog.LevelDebug,
		MOSPURL: "http://mosp.example.org:8000", ClientRegistrationOpen: true, TimeZone: luxembourg,
		MaxBodyBytes: 2 << 20, TrustedHosts: []string{"stats.example.org", ".internal.example", "192.0.2.7"}, MOSPAllowPrivate: true, WrongKeys: 3, MaxConnections: 10, MaxConnectionsPerAddress: 5, MinBodyRate: 1000, RequestTimeout: 50 * time.Second, RateLimit: 0.5,
		PublicMinClients: 3, PublicMinAnalyses: 5, PublicCoordinateDecimals: 0, ActivePages: []string{"stats", "help"},
		PublicLicence: "https://creativecommons.org/licenses/by/4.0/",
		EmbedOrigins:  []string{"https://www.example.org", "https://intranet.example.org:8443"},
	}
	got := load(t, nil, environ...)
	if diff := cmp.Diff(want, got, compareZones); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(environ) != len(got.Redacted()) {
		t.Errorf("this test sets %d settings, there are %d", len(environ), len(got.Redacted()))
	}
}

// TestValuesInEverySpelling checks the result of Redacted for each accepted spelling.
func TestValuesInEverySpelling(t *testing.T) {
	t.Parallel()
	tests := []struct{ setting, value, want string }{
		{"POSTGRES_MIRROR", "none", "none"},
		{"POSTGRES_MIRROR", "/srv/postgres", "/srv/postgres"},
		{"HOST", "::1", "::1"},
		{"HOST", "[::1]", "::1"},
		{"HOST", "stats.example.org", "stats.example.org"},
		{"PORT", "0", "0"},
		{"PORT", "65535", "65535"},
		{"SCRIPT_NAME", "/", ""},
		{"SCRIPT_NAME", "//a//b/", "/a/b"},
		{"SCRIPT_NAME", "/stats", "/stats"},
		{"INSTANCE_URL", "http://[::1]:5000//", "http://[::1]:5000"},
		{"FIX_PROXY", "1", "true"},
		{"FIX_PROXY", "ON", "true"},
		{"FIX_PROXY", "False", "false"},
		{"FIX_PROXY", "0", "false"},
		{"LOG_LEVEL", "WARNING", "warn"},
		{"LOG_LEVEL", "error", "error"},
		{"TZ", ":America/New_York", "America/New_York"},
		{"TZ", "Etc/UTC", "Etc/UTC"},
		{"MAX_BODY_BYTES", "1", "1"},
		{"MIN_BODY_RATE", "0", "0"},
		{"MIN_BODY_RATE", "2KiB", "2048"},
		{"MAX_BODY_BYTES", "64 MB", "64000000"},
		{"MAX_BODY_BYTES", "64mib", "67108864"},
		{"MAX_BODY_BYTES", "3GiB", "3221225472"},
		{"MAX_BODY_BYTES", "5kB", "5000"},
		{"RATE_LIMIT", "250", "250"},
		{"DB_POOL_SIZE", "4", "4"},
		{"PUBLIC_MIN_CLIENTS", "1", "1"},
		{"PUBLIC_MIN_ANALYSES", "1", "1"},
		{"PUBLIC_COORDINATE_DECIMALS", "6", "6"},
		{"ACTIVE_PAGES", " map ,about,map", "map,about"},
		{"PUBLIC_LICENCE", "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by/4.0/"},
		{"EMBED_ORIGINS", "HTTPS://WWW.Example.org/", "https://www.example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.setting+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			got := shown(load(t, nil, tt.setting+"="+tt.value), tt.setting)
			if got != tt.want {
				t.Errorf("%s=%s is shown as %q, want %q", tt.setting, tt.value, got, tt.want)
			}
		})
	}
}

func shown(c config.Config, name string) string {
	for _, s := range c.Redacted() {
		if s.Name == name {
			return s.Value
		}
	}
	return "no such setting"
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	refused := map[string][]string{
		"HOST":                        {"*", "localhost:5000", "a b", "[::1]:80", "::g"},
		"PORT":                        {"abc", "-1", "65536", "80.0", " 80"},
		"INSTANCE_URL":                {"stats.example.org", "ftp://x", "https://", "https://x/?a=b", "https://x/?", "https://x/#f", "https://x:99999"},
		"SCRIPT_NAME":                 {"/a/../b", "/a b", "/a?b", "/a%2fb", "https://x"},
		"FIX_PROXY":                   {"maybe", "2"},
		"ADMIN_EMAIL":                 {"admin", "Admin <admin@example.org>", "a@b, c@d"},
		"ADMIN_URL":                   {"javascript:alert(1)", "/contact"},
		"REMOTE_STATS_SERVER":         {"central"},
		"DB_HOSTNAME":                 {"db:5432", "db;drop", "/run/\n"},
		"DB_POOL_SIZE":                {"3", "0", "-1", "1001", "many"},
		"LOG_FORMAT":                  {"xml"},
		"LOG_LEVEL":                   {"loud", "info+1"},
		"LOG_PATH":                    {"a\x00b"},
		"MOSP_URL":                    {"objects"},
		"CLIENT_REGISTRATION_OPEN":    {"please"},
		"TZ":                          {"Local", "/etc/localtime", ":/etc/localtime", "Mars/Olympus", "../UTC", ":"},
		"MAX_BODY_BYTES":              {"0", "-5", "1.5MB", "64 cows", "9999999999GB", "99999999999999999999", "MB"},
		"TRUSTED_HOSTS":               {"https://stats.example.org", "stats.example.org:80", "a,,b", "*.example.org", ".", "a b"},
		"WRONG_KEYS":                  {"-1", "few"},
		"MAX_CONNECTIONS":             {"0", "-1", "all"},
		"MAX_CONNECTIONS_PER_ADDRESS": {"0", "1000001"},
		"MIN_BODY_RATE":               {"-1", "slow", "00"},
		"REQUEST_TIMEOUT":             {"0", "999ms", "11m", "soon"},
		"RATE_LIMIT":                  {"-1", "NaN", "Inf", "many"},

		"PUBLIC_MIN_CLIENTS":         {"0", "-1", "two", "1.5"},
		"PUBLIC_MIN_ANALYSES":        {"0", "-1", "two", "1.5"},
		"PUBLIC_COORDINATE_DECIMALS": {"-1", "7", "one"},
		"ACTIVE_PAGES":               {"stats,", "admin", "stats;map"},
		"PUBLIC_LICENCE":             {"CC-BY-4.0", "javascript:x"},
		"EMBED_ORIGINS":              {"*", "'self'", "example.org", "https://a.example.org/path", "https://*.example.org", "https://a b", "https://a;script-src *", "javascript:x"},
	}
	for name, values := range refused {
		for _, value := range values {
			t.Run(name+" "+value, func(t *testing.T) {
				t.Parallel()
				got := problems(t, nil, name+"="+value)
				start := fmt.Sprintf("%s in the environment is %q; accepted is ", name, value)
				if len(got) != 1 || !strings.HasPrefix(got[0], start) || strings.Contains(got[0], "\n") {
					t.Errorf("got %q, want one line that starts with %q", got, start)
				}
			})
		}
	}
}

func TestRefusedSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	refused := map[string][]string{
		"ADMIN_TOKEN":        {"hush hush", "hush\n", "hüsh hush"},
		"REMOTE_STATS_TOKEN": {"hush\thush"},
		"DB_PASSWORD":        {"hush\x00"},
		"DATABASE_READ_URL":  {"hush", "postgres://u:hush@h/d,mysql://u:hush@h/d", "postgres://u:hush@h,/d"},
		"DATABASE_URL": {
			"hush", "mysql://u:hush@h/d", "postgres:hush", "postgres://u:hush#1@h/d", "postgresql+psycopg2://u:hush@h/d",
			"postgres://u:12#hush@h/d", "postgres:///d?user=hush", "postgres://h/d?a=1;password=hush", "postgres://u:%hush@h/d",
		},
	}
	for name, values := range refused {
		for _, value := range values {
			t.Run(name+" "+value, func(t *testing.T) {
				t.Parallel()
				environ := []string{name + "=" + value, "DB_HOSTNAME=db"}
				got := problems(t, nil, environ...)
				if len(got) != 1 || !strings.HasPrefix(got[0], name+" in the environment cannot be used; accepted is ") {
					t.Errorf("got %q, want one line about %s", got, name)
				}
				if strings.Contains(strings.Join(got, ""), "hush") {
					t.Errorf("the secret is in %q", got)
				}
			})
		}
	}
}

func TestPasswordInPlainURLIsNotShown(t *testing.T) {
	t.Parallel()
	want := []string{`REMOTE_STATS_SERVER in the environment is "https://xxxxx@h/"; accepted is a URL such as https://stats.example.org, without user name, query and fragment`}
	got := problems(t, nil, "REMOTE_STATS_SERVER=https://user:hush@h/")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	disk := files{
		"stats.toml": "db_host = 'x'\nPORT = 'abc'\nzzz = 1\nlog_level = ['info']\nhost = 'a'\nHOST = 'b'\n[server]\nport = 1\n",
		"empty":      "\n",
	}
	got := problems(t, disk,
		"STATS_CONFIG=stats.toml", "FIX_PROXY=maybe", "SECRET_KEY=a\x00b", "DB_PASSWORD=x", "DB_NAME=y",
		"ADMIN_TOKEN=a", "ADMIN_TOKEN_FILE=b", "REMOTE_STATS_TOKEN_FILE=missing", "DATABASE_URL_FILE=empty")
	want := []string{
		`"db_host" in stats.toml is not a setting; did you mean DB_HOSTNAME?`,
		`"zzz" in stats.toml is not a setting; remove it or correct its name`,
		`LOG_LEVEL in stats.toml is a list; accepted is text, a number, true or false; settings are not nested`,
		`HOST is in stats.toml more than once; keep one`,
		`"server" in stats.toml is not a setting; remove it or correct its name`,
		`PORT in stats.toml is "abc"; accepted is a port from 0 to 65535, 0 being any free one`,
		`FIX_PROXY in the environment is "maybe"; accepted is true or false (or 1, 0, yes, no, on, off)`,
		`ADMIN_TOKEN and ADMIN_TOKEN_FILE are both set in the environment; set one of them`,
		`REMOTE_STATS_TOKEN_FILE in the environment names "missing", which cannot be read: file does not exist; accepted is the path of a file with the secret`,
		`DATABASE_URL_FILE in the environment names "empty", which is empty; accepted is the path of a file with the secret`,
		"SECRET_KEY in the environment cannot be used; accepted is text without NUL characters",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	text := (&config.Error{Problems: got}).Error()
	if lines := strings.Count(text, "\n") + 1; lines != len(want) {
		t.Errorf("the error has %d lines, want %d", lines, len(want))
	}
}

func TestDatabaseURLOfParts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		want    string
	}{
		"none":            {nil, ""},
		"host only":       {[]string{"DB_HOSTNAME=db"}, "postgresql://statsservice:statsservice@db:5432/statsservice"},
		"user":            {[]string{"DB_HOSTNAME=db", "DB_USERNAME=u"}, "postgresql://u:statsservice@db:5432/statsservice"},
		"escaping":        {[]string{"DB_HOSTNAME=db", "DB_USERNAME=a@b", "DB_PASSWORD=p:/?#[]@ %ü", "DB_NAME=n ?#"}, "postgresql://a%40b:p%3A%2F%3F%23%5B%5D%40%20%25%C3%BC@db:5432/n%20%3F%23"},
		"password only":   {[]string{"DB_HOSTNAME=db", "DB_PASSWORD=p"}, "postgresql://statsservice:p@db:5432/statsservice"},
		"IPv6":            {[]string{"DB_HOSTNAME=::1", "DB_PORT=6432"}, "postgresql://statsservice:statsservice@[::1]:6432/statsservice"},
		"socket":          {[]string{"DB_HOSTNAME=/var/run/postgresql", "DB_USERNAME=u"}, "postgresql://u:statsservice@/statsservice?host=%2Fvar%2Frun%2Fpostgresql&port=5432"},
		"DATABASE_URL":    {[]string{"DB_HOSTNAME=db", "DB_PASSWORD=p", "DATABASE_URL=postgres://h/d"}, "postgres://h/d"},
		"URL of a socket": {[]string{"DATABASE_URL=postgresql:///d?host=/run/pg"}, "postgresql:///d?host=/run/pg"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, configured := load(t, nil, tt.environ...).Database()
			if got != tt.want || configured != (tt.want != "") {
				t.Errorf("Database() = %q, %t, want %q", got, configured, tt.want)
			}
		})
	}
}

func TestDatabaseSettingsWithoutHost(t *testing.T) {
	t.Parallel()
	want := []string{"set without DB_HOSTNAME: DB_PORT, DB_NAME, DB_USERNAME, DB_PASSWORD; set DB_HOSTNAME or DATABASE_URL too, or none of these for a private database"}
	got := problems(t, nil, "DB_PASSWORD=p", "DB_USERNAME=u", "DB_NAME=n", "DB_PORT=1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAddressesToListenOn(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"127.0.0.1": "127.0.0.1:80",
		"::":        "[::]:80",
		"[::1]":     "[::1]:80",
		"localhost": "localhost:80",
	} {
		if got := load(t, nil, "HOST="+host, "PORT=80").Listen(); len(got) != 1 || got[0].String() != want {
			t.Errorf("Listen() with HOST=%s is %v, want %s", host, got, want)
		}
	}
}

func TestTimeZoneOfDays(t *testing.T) {
	t.Parallel()
	if got := load(t, nil, "TZ=Asia/Tokyo").Location().String(); got != "Asia/Tokyo" {
		t.Errorf("Location() is %s, want Asia/Tokyo", got)
	}
	if got := (config.Config{}).Location(); got != time.UTC {
		t.Errorf("Location() of the zero value is %v, want UTC", got)
	}
}

const hush = "hush-hush-hush-hush"

func secretive(t *testing.T) config.Config {
	t.Helper()
	return load(t, nil,
		"ADMIN_TOKEN="+hush, "REMOTE_STATS_TOKEN="+hush, "DB_PASSWORD="+hush, "SECRET_KEY="+hush,
		"DATABASE_URL=postgres://user:"+hush+"@db/stats?sslpassword="+hush+"&sslmode=require")
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	c := secretive(t)
	for name, want := range map[string]string{
		"ADMIN_TOKEN":        "(set)",
		"REMOTE_STATS_TOKEN": "(set)",
		"DB_PASSWORD":        "(set)",
		"SECRET_KEY":         "(set)",
		"DATABASE_URL":       "postgres://user:xxxxx@db/stats?sslmode=require&sslpassword=xxxxx",
		"PORT":               "5000",
	} {
		if got := shown(c, name); got != want {
			t.Errorf("%s is shown as %q, want %q", name, got, want)
		}
	}
	if got := shown(config.Config{}, "ADMIN_TOKEN"); got != "" {
		t.Errorf("no token is shown as %q, want nothing", got)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	c := secretive(t)
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("start", "config", c, "token", c.AdminToken)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v":       fmt.Sprintf("%v", c),
		"%+v":      fmt.Sprintf("%+v", c),
		"%#v":      fmt.Sprintf("%#v", c),
		"%q":       fmt.Sprintf("%q", c.AdminToken),
		"slog":     log.String(),
		"JSON":     string(encoded),
		"Redacted": fmt.Sprint(c.Redacted()),
	} {
		if strings.Contains(text, hush) {
			t.Errorf("%s prints a secret: %s", name, text)
		}
		if !strings.Contains(text, "(set)") {
			t.Errorf("%s does not show that the secret is set: %s", name, text)
		}
	}
}

func TestWeakKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{"": false, "short": true, "fifteen éééééé": true, "sixteen éééééééé": false} {
		if got := load(t, nil, "SECRET_KEY="+key).IsWeakKey(); got != want {
			t.Errorf("%q is weak: %t, want %t", key, got, want)
		}
	}
}

// The settings of the MONARC playbook are sufficient. The defaults of the others are those
// of the Python service's container.
func TestSettingsOfTheAnsiblePlaybook(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/playbook.env")
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, nil, strings.Split(string(content), "\n")...)
	const want = "postgresql://statsservice:statsservice@127.0.0.1:15350/statsservice"
	if got, configured := c.Database(); got != want || !configured {
		t.Errorf("Database() = %q, %t, want %q", got, configured, want)
	}
	if c.ScriptName != "/dashboard" || !c.ClientRegistrationOpen || c.IsWeakKey() || len(c.Warnings) > 0 {
		t.Errorf("settings are %v", c.Redacted())
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	files := []string{"TLS_CERT_FILE=/etc/stats/cert.pem", "TLS_KEY_FILE=/etc/stats/key.pem"}
	got := load(t, nil, append(files, "LISTEN=:443,http://:80,unix:/run/s")...).Listen()
	if want := "[https://:443 http://:80 unix:/run/s]"; fmt.Sprint(got) != want {
		t.Errorf("Listen() with TLS is %v, want %s", got, want)
	}
	for name, environ := range map[string][]string{
		"no key":          files[:1],
		"no certificate":  files[1:],
		"both ways":       append(files, "ACME_DOMAINS=stats.example.org"),
		"https without":   {"LISTEN=https://:443"},
		"metrics without": {"METRICS_LISTEN=https://:9090"},
		"address":         {"ACME_DOMAINS=192.0.2.1"},
		"network":         {"METRICS_ALLOW=everybody"},
	} {
		if found := problems(t, nil, environ...); len(found) != 1 {
			t.Errorf("%s: problems %q, want one", name, found)
		}
	}
}
