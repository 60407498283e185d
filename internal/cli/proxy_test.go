// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build proxy

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// deployment is a proxy as a document shows it, in front of a service.
type deployment struct {
	name     string
	document string // that shows the configuration
	language string // of the block: apache or nginx
	block    int    // which of the document's blocks in that language
	change   []string
	prefix   string // below which callers see the service
	service  string // "forwarded": FIX_PROXY, "configured": SCRIPT_NAME
	base     string // URL that front offices have, if they write another
}

const (
	proxyHost = "my.example.org"
	operating = root + "/docs/operating.md"
)

// deployments are all blocks of the documents, and what deployed proxies add.
var deployments = []deployment{
	{name: "nginx", document: installFile, language: "nginx", prefix: "/dashboard", service: "forwarded"},
	{
		name: "nginx below a path of the service", document: installFile, language: "nginx", prefix: "/stats", service: "forwarded",
		change: []string{"/dashboard", "/stats"},
	},
	{name: "nginx that passes the path on", document: operating, language: "nginx", prefix: "/dashboard", service: "configured"},
	{
		name: "nginx with doubled slashes", document: operating, language: "nginx", prefix: "/dashboard", service: "configured",
		base: "http://" + proxyHost + "//dashboard/",
	},
	{name: "Apache that passes the path on", document: operating, language: "apache", prefix: "/dashboard", service: "configured"},
	{
		name: "Apache with doubled slashes", document: operating, language: "apache", prefix: "/dashboard", service: "configured",
		change: []string{":5005/dashboard", ":5005//dashboard"}, base: "http://" + proxyHost + "//dashboard/",
	},
	{
		name: "Apache with a virtual host for the service", document: operating, language: "apache", block: 1,
		prefix: "/dashboardBO", service: "forwarded",
	},
}

var proxyBlock = regexp.MustCompile("(?s)```(apache|nginx)\n(.*?)```")

// proxyBlocks returns the configurations in a document by their language.
func proxyBlocks(t *testing.T, document string) map[string][]string {
	t.Helper()
	blocks := map[string][]string{}
	for _, match := range proxyBlock.FindAllStringSubmatch(read(t, document), -1) {
		blocks[match[1]] = append(blocks[match[1]], match[2])
	}
	return blocks
}

// TestProxiesChangeNoAnswer puts real proxies, configured as in the documents, in front of the demo. Every
// answer through them must be the same as from the service itself.
func TestProxiesChangeNoAnswer(t *testing.T) {
	t.Parallel()
	environ := []string{"ADMIN_EMAIL=security@example.org", "INSTANCE_URL=https://stats.example.org"}
	services := map[string]string{
		"forwarded":  startDemo(t, append(environ, "FIX_PROXY=true")...),
		"configured": strings.TrimSuffix(startDemo(t, append(environ, "SCRIPT_NAME=/dashboard")...), "/dashboard"),
	}
	// Each is compared with itself: an object has the names that a service came to know
	// last, and demos get them in any order.
	itself := map[string]map[string]visited{
		"forwarded":  crawl(t, site{http: http.DefaultClient, base: services["forwarded"]}),
		"configured": unprefixed(crawl(t, site{http: http.DefaultClient, base: services["configured"] + "/dashboard"}), "/dashboard"),
	}
	for name, found := range itself {
		t.Logf("the %s service has %d addresses", name, len(found))
		for _, kind := range []string{"/stats/threats/f", "/stats/vulnerabilities/f"} {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(at string) bool { return strings.HasPrefix(at, kind) }) {
				t.Errorf("the crawler found no page of an object below %s", kind)
			}
		}
	}
	proxies, taken := make([]site, len(deployments)), ""
	for i, d := range deployments {
		block := proxyBlocks(t, d.document)[d.language][d.block]
		taken += block
		proxies[i] = startProxy(t, d, block, strings.TrimPrefix(services[d.service], "http://"))
	}
	wantTaken(t, taken, unchanged, blocksBy(t))
	for i, d := range deployments {
		t.Run(d.name, func(t *testing.T) { wantSame(t, itself[d.service], crawl(t, proxies[i]), d.prefix) })
	}
	// Only now, because it changes what the pages show.
	for i, d := range deployments {
		t.Run(d.name+" API", func(t *testing.T) { callThrough(t, proxies[i], d) })
	}
}

// TestProxyBlocks checks that every configuration in the documents is tested.
func TestProxyBlocks(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		for language, blocks := range proxyBlocks(t, document) {
			for n := range blocks {
				if !slices.ContainsFunc(deployments, func(d deployment) bool {
					return filepath.Clean(d.document) == filepath.Clean(document) && d.language == language && d.block == n
				}) {
					t.Errorf("no test puts the %s configuration %d of %s in front of the service", language, n+1, document)
				}
			}
		}
	}
}

// callThrough does what a front office does, and sends a body above the default limit of
// proxies.
func callThrough(t *testing.T, s site, d deployment) {
	base := s.base
	if d.base != "" {
		base = d.base
	}
	through, err := client.New(base, demoKey, client.WithHTTPClient(s.http), client.WithBatchSize(1000))
	if err != nil {
		t.Fatal(err)
	}
	account, err := through.Me(t.Context())
	if err != nil || account.Token != demoKey {
		t.Fatalf("the account of the key is %+v (%v)", account, err)
	}
	threats := make(data.Threats, 6000) // 1.3 MB
	for i := range threats {
		threats[i] = data.Object{UUID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)).String(), Count: 1, MaxRisk: 1, AverageRate: 1,
			Labels: data.Labels{French: strings.Repeat("é", 60), English: "Theft"}}
	}
	stat, err := client.NewStat(uuid.NewSHA1(uuid.Nil, []byte(d.name)), client.Day(tourDay()), threats)
	if err != nil {
		t.Fatal(err)
	}
	if size := len(stat.Data); size < 1<<20 {
		t.Errorf("the batch has %d bytes, which every proxy takes", size)
	}
	if posted, err := through.Post(t.Context(), stat); err != nil || len(posted.Stats) != 1 {
		t.Fatalf("posted %d (%v)", len(posted.Stats), err)
	}
	listed := 0
	for _, err := range through.All(t.Context(), client.Query{ANRs: []uuid.UUID{stat.ANR}}) {
		if err != nil {
			t.Fatal(err)
		}
		listed++
	}
	if listed != 1 {
		t.Errorf("listed %d stats of the analysis", listed)
	}
	// A GET with a body, as MONARC sends it.
	for _, slashes := range []string{"/api/v1/stats/processed/", "//api/v1//stats//processed"} {
		body := `{"type":"threat","processor":"threat_average_on_date","processor_params":[],"anrs":["` + stat.ANR.String() + `"]}`
		got := s.ask(t, http.MethodGet, strings.TrimSuffix(base, "/")+slashes, body)
		if got.status != http.StatusOK || strings.Count(got.body, `"object"`) != len(threats) {
			t.Errorf("GET %s answers %d with %d objects: %.200s", slashes, got.status, strings.Count(got.body, `"object"`), got.body)
		}
	}
	if err := through.Delete(t.Context(), stat.ANR); err != nil {
		t.Error(err)
	}
}

// startProxy runs a proxy with a block of configuration in front of the service
// that listens on an address, until the test ends.
func startProxy(t *testing.T, d deployment, block, service string) site {
	t.Helper()
	block = strings.ReplaceAll(strings.NewReplacer(d.change...).Replace(block), "127.0.0.1:5005", service)
	write := map[string]func(*testing.T, string, string, string) *exec.Cmd{"apache": apache, "nginx": nginx}[d.language]
	for attempt := 1; ; attempt++ {
		address := freeAddress(t)
		said, err := startProcess(t, write(t, t.TempDir(), block, address), address)
		if err == nil {
			return site{http: dialing(address), base: "http://" + proxyHost + d.prefix}
		}
		// Another process may have taken the port meanwhile.
		if attempt == 5 || !strings.Contains(said, "in use") {
			t.Fatalf("%s: %v\n%s", d.name, err, said)
		}
	}
}

// nginx returns the command that runs nginx as Debian sets it up, with a block in
// its server.
func nginx(t *testing.T, dir, block, address string) *exec.Cmd {
	t.Helper()
	writeFile(t, dir, "nginx.conf", `daemon off;
pid `+dir+`/pid;
error_log stderr;
worker_processes 1;
`+onlyRoot("user root root;")+`
events {}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    gzip on;
    client_body_temp_path `+dir+`/body;
    proxy_temp_path `+dir+`/proxy;
    fastcgi_temp_path `+dir+`/fastcgi;
    uwsgi_temp_path `+dir+`/uwsgi;
    scgi_temp_path `+dir+`/scgi;
    server {
        listen `+address+`;
        server_name `+proxyHost+`;
        `+block+`
    }
}
`)
	return exec.Command(serverProgram(t, "nginx", "nginx"), "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
}

// apacheModules are those that Debian turns on, and those that the documents name.
var apacheModules = []string{
	"mpm_event", "authz_core", "authz_host", "authn_core", "access_compat", "alias", "autoindex", "deflate", "dir", "env",
	"filter", "mime", "negotiation", "reqtimeout", "setenvif", "status", "proxy", "proxy_http", "headers",
}

// apache returns the command that runs Apache as Debian sets it up, with a block
// that may have a second virtual host, which the first one finds by its name.
func apache(t *testing.T, dir, block, address string) *exec.Cmd {
	t.Helper()
	var config strings.Builder
	for _, module := range apacheModules {
		fmt.Fprintf(&config, "LoadModule %s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	inner := freeAddress(t)
	for inner == address { // which Apache refuses
		inner = freeAddress(t)
	}
	block = strings.Replace(block, "*:80", address, 1)
	block = strings.ReplaceAll(strings.Replace(block, "*:80", inner, 1), "http://dashboard."+proxyHost, "http://"+inner)
	fmt.Fprintf(&config, `ServerRoot %[1]s
ServerName localhost
Listen %[2]s
Listen %[3]s
PidFile %[1]s/pid
Mutex file:%[1]s
ErrorLog /dev/stderr
TypesConfig /etc/mime.types
AddOutputFilterByType DEFLATE text/html text/plain text/xml text/css text/javascript application/javascript application/json
%[4]s
%[5]s`, dir, address, inner, onlyRoot("User nobody\nGroup nogroup"), block)
	writeFile(t, dir, "apache.conf", config.String())
	return exec.Command(serverProgram(t, "apache2", "apache2-bin"), "-f", filepath.Join(dir, "apache.conf"), "-DFOREGROUND")
}

// onlyRoot returns the user that a server becomes when root starts it: nginx has its
// temporary files in the folder of the test, which nobody else can enter.
func onlyRoot(setting string) string {
	if os.Geteuid() != 0 {
		return ""
	}
	return setting
}

// serverProgram finds a server, which may not be on the path of users.
func serverProgram(t *testing.T, name, debianPackage string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed: apt-get install %s, or leave the build tag proxy out", name, debianPackage)
	return ""
}

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", servicetest.FreePort(t))
}

// dialing returns a client to which every host is at the address.
func dialing(address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		},
	}}
}

// startProcess runs a command until the test ends, and returns as soon as it listens
// on the address. If it ends before, it returns what the command said.
func startProcess(t *testing.T, command *exec.Cmd, address string) (said string, err error) {
	t.Helper()
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		// The process is sent that signal when the thread ends that started it.
		runtime.LockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			ended <- command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return "", err
	}
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			return output.String(), errors.Join(errors.New("ended before it listened"), err)
		default:
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Cleanup(func() {
				_ = command.Process.Signal(syscall.SIGTERM)
				<-ended
				if t.Failed() {
					t.Logf("%s said:\n%.4000s", command.Path, &output)
				}
			})
			return "", nil
		}
	}
	_ = command.Process.Kill()
	<-ended
	return output.String(), fmt.Errorf("does not listen on %s after %s", address, waitLimit)
}
