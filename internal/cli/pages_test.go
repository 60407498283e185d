// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build examples

package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// forms are what differs from run to run in what commands print.
var forms = []struct {
	pattern *regexp.Regexp
	form    string
}{
	{regexp.MustCompile(`https?://\S+`), "URL"},
	{regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`[A-Za-z0-9_-]{60,}`), "TOKEN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d+)?)?`), "TIME"},
	{regexp.MustCompile(` as \S+`), " as USER"},
	{regexp.MustCompile(` from \S+`), " from THERE"},
	{regexp.MustCompile(`-?\d+(?:\.\d+)*`), "N"},
}

func formOf(line string) string {
	for _, f := range forms {
		line = f.pattern.ReplaceAllLiteralString(line, f.form)
	}
	return strings.TrimSpace(line)
}

// converse types the commands of a transcript, and checks that each prints the lines
// that the document shows, in their form. It returns what was printed.
func (m *machine) converse(document, part string) (printed string) {
	m.t.Helper()
	for _, text := range console.FindAllStringSubmatch(read(m.t, root+"/"+document), -1) {
		if !strings.Contains(text[1], part) {
			continue
		}
		for _, step := range tourSteps(text[0]) {
			output := m.types(step.command)
			printed += output
			var got []string
			for line := range strings.Lines(output) {
				got = append(got, formOf(line))
			}
			for line := range strings.Lines(step.output) {
				if !slices.Contains(got, formOf(line)) {
					m.t.Errorf("%s: %sshows %sbut prints\n%s", document, step.command, line, output)
				}
			}
		}
	}
	if printed == "" {
		m.t.Errorf("%s shows no transcript of %s", document, part)
	}
	return printed
}

// logLine matches a line of the log, as docs/operating.md explains it.
var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?:DEBUG|INFO|WARN|ERROR) statsservice[a-z0-9_.]* \w+ \d+: .+\n$`)

// TestOperatingPage does what docs/operating.md shows, on an instance that pushes to
// another one and pulls from it.
func TestOperatingPage(t *testing.T) {
	t.Parallel()
	const page = "docs/operating.md"
	peer, database := newPeer(t), pgtest.New(t)
	m := newMachine(t, database, fmt.Sprintf("wrong_keys = 0\nremote_stats_server = %q\nremote_stats_token = \"company\"\n", peer))
	program, err := exec.LookPath("stats-service")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(m.dir, "backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.instead = []string{"/backup/", m.dir + "/backup/", "/usr/bin/stats-service", program}

	created := m.converse(page, "client_create")
	found := regexp.MustCompile(`(?s)UUID: (\S+)\n.*Token: (\S+)\n`).FindStringSubmatch(created)
	if found == nil {
		t.Fatalf("client_create printed %q", created)
	}
	client, token := found[1], found[2]
	m.instead = append(m.instead, "fb9b4d21-4082-445c-a6e6-5d42a1cd9202", client)

	second := servicetest.FreePort(t)
	loopback6 := fmt.Sprintf("[::1]:%d", second)
	if listener, err := net.Listen("tcp", "[::1]:0"); err != nil { // a machine without IPv6
		loopback6 = fmt.Sprintf("127.0.0.1:%d", second)
	} else {
		listener.Close()
	}
	socket := filepath.Join(m.dir, "http.sock")
	m.instead = append(m.instead, "127.0.0.1:5000", m.address, "[::1]:5000", loopback6, "/run/stats-service/http.sock", socket)
	log := m.serves(block(t, page, "unix:/run"), []string{m.address, loopback6, socket}, func() {
		api := "http://" + m.address + "/api/v1"
		stat := fmt.Sprintf(`[{"uuid":"%s","anr":"5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11","type":"threat","date":"%s","data":[]}]`,
			servicetest.ID(1), time.Now().UTC().Format(time.DateOnly))
		ask(t, http.StatusCreated, http.MethodPost, api+"/stats/", token, stat)
		ask(t, http.StatusForbidden, http.MethodGet, "http://"+loopback6+"/api/v1/client/me", "wrong", "")
		if response, body := fetch(t, onSocket(t, socket), "http://localhost/about.json"); response.StatusCode != http.StatusOK {
			t.Errorf("on the Unix socket: %s %s", response.Status, body)
		}
	})
	for line := range strings.Lines(block(t, page, "Duplicate stats") + log) {
		if !logLine.MatchString(line) {
			t.Errorf("not a line of the log: %q", line)
		}
	}

	certificate, _, trust := writeCertificate(t, m.dir)
	plain := fmt.Sprintf("127.0.0.1:%d", second)
	m.instead = append(m.instead, "0.0.0.0:443", m.address, "0.0.0.0:80", plain, "/etc/stats-service/", filepath.Dir(certificate)+"/")
	m.serves(block(t, page, "TLS_CERT_FILE"), []string{m.address, plain}, func() {
		https := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
		defer https.CloseIdleConnections()
		if response, body := fetch(t, https, "https://"+m.address+"/about.json"); response.StatusCode != http.StatusOK {
			t.Errorf("with TLS: %s %s", response.Status, body)
		}
		https.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if response, _ := fetch(t, https, "http://"+plain+"/stats"); response.StatusCode != http.StatusPermanentRedirect {
			t.Errorf("without TLS: %s", response.Status)
		}
	})

	traces := &spans{}
	collector := httptest.NewServer(traces)
	defer collector.Close()
	m.instead = append(m.instead, "http://collector:4318", collector.URL)
	m.serves(block(t, page, "OTEL_"), []string{m.address}, func() { ask(t, http.StatusOK, http.MethodGet, "http://"+m.address+"/about.json", "", "") })
	if len(traces.all) == 0 {
		t.Error("the collector was sent no traces")
	}

	m.types(block(t, page, "client_token_rotate"))
	m.types("stats-service client_update --no-processing --uuid " + client)
	m.converse(page, "audit_list")
	m.converse(page, "sync_test")
	m.types(block(t, page, "db_restore --dry-run"))
	m.cron(block(t, page, "30 1 * * *"))
	if backups, err := filepath.Glob(m.dir + "/backup/stats-[1-7].backup"); err != nil || len(backups) != 1 {
		t.Errorf("cron made the backups %v (%v)", backups, err)
	}
	m.cron(block(t, page, "MAILTO"))
	if got := string(ask(t, http.StatusOK, http.MethodGet, peer+"/api/v1/stats/", "company", "")); !strings.Contains(got, `"count":"1"`) {
		t.Errorf("cron pushed to the other instance: %s", got)
	}

	m.instead = append(m.instead, "postgresql://stats:password@pooler:6432/statsservice?", database+"&",
		"postgresql://stats:password@database:5432/statsservice", database)
	pooled := m.types("set -a\n" + block(t, page, "default_query_exec_mode") + "stats-service config_check\n")
	if !strings.Contains(pooled, "\ndatabase: ok: ") {
		t.Errorf("config_check with the addresses of a pooler prints\n%s", pooled)
	}

	repository, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	beside := newMachine(t, pgtest.Empty(t), "")
	beside.instead = []string{"http://old.example.org", peer, "the-token", "company", "/usr/share/doc/stats-service/examples", repository + "/docs/examples"}
	if pulled := beside.types(block(t, "docs/migrating.md", "migrate-side-by-side.sh")); !strings.Contains(pulled, "\nreceived: 1, ") {
		t.Errorf("side by side: %s", pulled)
	}
}

// TestManualExamples types the examples of the manual page, but for the demo, which the
// tour starts.
func TestManualExamples(t *testing.T) {
	t.Parallel()
	m := newMachine(t, pgtest.New(t), fmt.Sprintf("remote_stats_server = %q\nremote_stats_token = \"company\"\n", newPeer(t)))
	_, examples, _ := strings.Cut(read(t, root+"/docs/man/stats-service.1"), ".SH EXAMPLES\n")
	examples, _, _ = strings.Cut(examples, ".SH ")
	typed := 0
	for _, example := range regexp.MustCompile(`(?m)^\\fB(.*)\\fR$`).FindAllStringSubmatch(examples, -1) {
		if command := strings.ReplaceAll(example[1], `\-`, "-"); command != "stats-service demo" {
			typed++
			m.types(command)
		}
	}
	if typed < 5 {
		t.Errorf("the manual page has %d examples", typed)
	}
}

// TestInstallPage makes the role and the database of docs/install.md, starts the service
// with the settings that it shows, and lets a front office ask as its settings say.
func TestInstallPage(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "curl", "php", "createuser")
	const page = "docs/install.md"
	host, port, address := clusterOf(t)
	superuser := connect(t, address("postgres", "postgres"))
	t.Cleanup(func() {
		execAtEnd(t, address("postgres", "postgres"), `DROP DATABASE installing`, `DROP ROLE installing`)
	})
	m := newMachine(t, "", "")
	m.instead = []string{
		"--pwprompt stats", "--pwprompt installing", "--owner=stats", "--owner=installing", "template0 statsservice", "template0 installing",
		"postgresql://stats:password@localhost/statsservice", address("installing", "installing"), "http://127.0.0.1:5005", "http://" + m.address,
	}
	m.write(filepath.Base(m.settings), m.here(block(t, page, "database_url"))+fmt.Sprintf("data_dir = %q\nport = %s\n", m.dir, m.address[len("127.0.0.1:"):]))
	m.write("local.php", "<?php return [\n"+m.here(block(t, page, "statsApi"))+"];\n")
	const frontOffice = `
		token=$(stats-service client_create --name 'Front office' | sed -n 's/^Token: //p')
		sed -i "s/the token that client_create printed/$token/" local.php
		setting() { php -r '$settings = require "local.php"; echo $settings["statsApi"][$argv[1]];' "$1"; }
		curl --fail --silent --header "X-API-KEY: $(setting apiKey)" "$(setting baseUrl)/api/v1/client/me"
	`
	output := m.types(fmt.Sprintf("export PGHOST=%s PGPORT=%s\n{\n%s} <<<$'password\\npassword'\n%s%s",
		host, port, block(t, page, "createuser"), block(t, page, "db_init"), frontOffice))
	if !strings.Contains(output, `"name":"Front office"`) {
		t.Errorf("the front office is answered %s", output)
	}
	if has := texts(t, superuser, `SELECT (rolpassword IS NOT NULL)::text FROM pg_authid WHERE rolname = 'installing'`); !slices.Equal(has, []string{"true"}) {
		t.Errorf("the role has a password: %s", has)
	}
}

// TestSettingsFiles tries settings that the documents show, with files, ports and a peer
// that are there.
func TestSettingsFiles(t *testing.T) {
	t.Parallel()
	peer := newPeer(t)
	for _, shown := range blocksBy(t) {
		database := pgtest.New(t)
		m := newMachine(t, database, "")
		writeCertificate(t, m.dir)
		m.write("remote-token", "company\n")
		m.write("database-url", database+"\n")
		port := m.address[len("127.0.0.1"):]
		m.instead = []string{"/etc/stats-service/", m.dir + "/", ":443", port, "port = 5005", "port = " + port[1:], "https://dashboard.monarc.lu", peer}
		text := m.here(shown) + "secret_key = \"a-key-of-enough-characters\"\ndata_dir = \"" + m.dir + "\"\n"
		if !strings.Contains(text, "database_url") {
			text += fmt.Sprintf("database_url = %q\n", database)
		}
		m.write(filepath.Base(m.settings), text)
		m.types("stats-service config_check")
	}
}

// TestScenariosPage types what docs/scenarios.md shows, on one instance.
func TestScenariosPage(t *testing.T) {
	t.Parallel()
	const page = "docs/scenarios.md"
	m := newMachine(t, pgtest.New(t), fmt.Sprintf("remote_stats_server = %q\nremote_stats_token = \"company\"\n", newPeer(t)))
	output := m.types(block(t, page, "'Front office'") + block(t, page, "client_list") + block(t, page, "sync_test"))
	for _, said := range []string{"  Front office 1\n", "  Front office 2\n", "Client: Company\n", "Dry run, sent: 0,", "\nsent: 0,"} {
		if !strings.Contains(output, said) {
			t.Errorf("nothing said %q:\n%s", said, output)
		}
	}
}

// TestCompletionPage completes a command in each shell, as its start-up file makes it do.
func TestCompletionPage(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "zsh", "fish")
	m := newMachine(t, "", "")
	shells := map[string]string{
		"bash": `bash --norc -euc '%s; complete -p stats-service'`,
		"zsh":  `zsh -f -c 'autoload -U compinit; compinit -u -D; %s; print $_comps[stats-service]'`,
		"fish": `fish --no-config -c '%s; complete -C "stats-service client_c"'`,
	}
	tried := 0
	for line := range strings.Lines(block(t, "docs/operating.md", "completion --shell")) {
		line, _, _ = strings.Cut(line, "#")
		name := regexp.MustCompile(`--shell (\w+)`).FindStringSubmatch(line)[1]
		if output := m.types(fmt.Sprintf(shells[name], strings.TrimSpace(line))); !strings.Contains(output, "stats_service") && !strings.Contains(output, "client_create") {
			t.Errorf("%s completes %q", name, output)
		}
		tried++
	}
	if tried != len(shells) {
		t.Errorf("%d shells were tried", tried)
	}
}

// TestIntegratingPage runs the program, the request and the pages for other sites that
// docs/integrating.md shows, on the demo.
func TestIntegratingPage(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "curl")
	const page = "docs/integrating.md"
	base := startDemo(t, "EMBED_ORIGINS=https://wiki.example.org")
	m := newMachine(t, "", "")
	m.instead = []string{"http://127.0.0.1:5000", base, "https://stats.example.org", base}
	m.types("cd $REPOSITORY/docs/examples/integrator\n" + block(t, page, "STATS_SERVER="))
	compared := m.types("TOKEN=" + demoKey + "\n" + block(t, page, "stats/compare"))
	if !json.Valid([]byte(compared)) || !strings.Contains(compared, `"own"`) {
		t.Errorf("the comparison is %s", compared)
	}
	for shown, kind := range map[string]string{block(t, page, "<img"): "image/png", block(t, page, "<iframe"): "text/html"} {
		source := regexp.MustCompile(`src="([^"]*)"`).FindStringSubmatch(m.here(shown))[1]
		response, body := fetch(t, http.DefaultClient, source)
		if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), kind) {
			t.Errorf("%s is %s (%s): %.200s", source, response.Status, response.Header.Get("Content-Type"), body)
		}
	}
}

// TestPerformancePage fills an instance as docs/performance.md shows it, with less.
func TestPerformancePage(t *testing.T) {
	t.Parallel()
	i := newInstance(t, time.Now(), "ADMIN_TOKEN=admin-token")
	m := newMachine(t, "", "")
	m.instead = []string{"http://127.0.0.1:5000", i.serve()}
	fill := strings.TrimSpace(block(t, "docs/performance.md", "tools/loadgen")) + " -clients 1 -analyses 1 -days 7"
	m.types("cd $REPOSITORY\nADMIN_TOKEN=admin-token\n" + fill)
	if status := i.run("db_status", "--quick"); !strings.Contains(status, "Stats of type threat: 1\n") {
		t.Errorf("the instance holds\n%s", status)
	}
}

// TestGoSnippets builds the pieces of Go in the READMEs into a program, and runs it.
func TestGoSnippets(t *testing.T) {
	t.Parallel()
	var functions, calls strings.Builder
	for n, shown := range blocksBy(t) {
		text := strings.ReplaceAll(shown, `"https://stats.example.org/dashboard"`, `os.Getenv("STATS_SERVER")`)
		fmt.Fprintf(&functions, "func piece%d(ctx context.Context, key string, stats *client.Client, analysis uuid.UUID) error {\n%s\nreturn nil\n}\n", n, text)
		fmt.Fprintf(&calls, "piece%d, ", n)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	program := fmt.Sprintf(snippetProgram, functions.String(), calls.String())
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{repository + "/docs/examples/snippets/main.go": source}})
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "", "")
	m.write("overlay.json", string(overlay))
	m.instead = []string{"DEMO", startDemo(t), "KEY", demoKey}
	printed := m.types("cd $REPOSITORY\ngo build -overlay " + m.dir + "/overlay.json -o " + m.dir + "/snippets ./docs/examples/snippets\n" +
		"STATS_SERVER=DEMO STATS_TOKEN=KEY " + m.dir + "/snippets")
	if !strings.Contains(printed, tourDay().Format(time.DateOnly)) {
		t.Errorf("the pieces print %.300s", printed)
	}
}

const snippetProgram = `package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
)

var (
	_ = errors.Is
	_ = fmt.Println
	_ data.Threats
)

%s

func main() {
	ctx, key := context.Background(), os.Getenv("STATS_TOKEN")
	stats, err := client.New(os.Getenv("STATS_SERVER"), key)
	if err != nil {
		log.Fatal(err)
	}
	for _, piece := range []func(context.Context, string, *client.Client, uuid.UUID) error{%s} {
		if err := piece(ctx, key, stats, uuid.New()); err != nil {
			log.Fatal(err)
		}
	}
}
`
