// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/ramdisk"
)

const (
	host         = "127.0.0.1"
	superuser    = "postgres"
	password     = "failover-trial"
	database     = "statsservice"
	startTimeout = 5 * time.Minute
	poll         = 50 * time.Millisecond
)

var (
	//go:embed patroni.yml
	patroniYML string
	//go:embed haproxy.cfg
	haproxyCfg string
)

// cluster is three PostgreSQL under Patroni, with etcd, and HAProxy in front.
type cluster struct {
	dir     string
	as      *syscall.Credential // user that the servers run as; nil: this user
	env     []string
	nodes   []*node
	etcd    *process
	haproxy *process

	primaryPort, standbyPort int // of HAProxy
}

// node is one PostgreSQL and its Patroni.
type node struct {
	Name, Dir, Host string
	Port, RESTPort  int
	Etcd            string // host:port
	Binaries        string
	Password        string

	config  string // path
	patroni *process
}

// newCluster starts everything in a new folder and waits until the cluster is complete.
func newCluster(ctx context.Context, binaries string) (*cluster, error) {
	// In production, etcd has its own disk: Patroni demotes a primary if etcd waits too
	// long for a shared one.
	if err := ramdisk.Use(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "stats-service-failover-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, env: environment()}
	if err := c.start(ctx, binaries); err != nil {
		return nil, errors.Join(err, c.close(false))
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context, binaries string) error {
	if err := os.Chmod(c.dir, 0o711); err != nil {
		return err
	}
	var err error
	if c.as, err = unprivileged(); err != nil {
		return err
	}
	ports, err := freePorts(10)
	if err != nil {
		return err
	}
	etcd := address(ports[0])
	if err := c.startEtcd(etcd, address(ports[1])); err != nil {
		return err
	}
	c.primaryPort, c.standbyPort = ports[2], ports[3]
	for i := range 3 {
		n := &node{Name: fmt.Sprintf("node%d", i+1), Host: host, Port: ports[4+2*i], RESTPort: ports[5+2*i], Etcd: etcd, Binaries: binaries, Password: password}
		if n.Dir, err = c.folder(n.Name); err != nil {
			return err
		}
		n.config = filepath.Join(n.Dir, "patroni.yml")
		if err := c.write(n.config, patroniYML, n); err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	if err := c.startHAProxy(); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := c.startNode(n); err != nil {
			return err
		}
		// The first one creates the database, and the others copy it.
		if _, err := c.awaitPrimary(ctx); err != nil {
			return err
		}
	}
	_, err = c.awaitWhole(ctx)
	return err
}

func (c *cluster) startEtcd(clients, peers string) (err error) {
	dir, err := c.folder("etcd")
	if err != nil {
		return err
	}
	c.etcd, err = startProcess(dir, "etcd", c.as, c.env, "etcd", "--name", "etcd1", "--data-dir", filepath.Join(dir, "data"),
		"--listen-client-urls", "http://"+clients, "--advertise-client-urls", "http://"+clients,
		"--listen-peer-urls", "http://"+peers, "--initial-advertise-peer-urls", "http://"+peers,
		"--initial-cluster", "etcd1=http://"+peers)
	return err
}

func (c *cluster) startHAProxy() (err error) {
	dir, err := c.folder("haproxy")
	if err != nil {
		return err
	}
	config := filepath.Join(dir, "haproxy.cfg")
	settings := struct {
		Host              string
		Primary, Standbys int
		Nodes             []*node
	}{host, c.primaryPort, c.standbyPort, c.nodes}
	if err := c.write(config, haproxyCfg, settings); err != nil {
		return err
	}
	c.haproxy, err = startProcess(dir, "haproxy", c.as, c.env, "haproxy", "-db", "-f", config)
	return err
}

func (c *cluster) startNode(n *node) (err error) {
	n.patroni, err = startProcess(n.Dir, "patroni", c.as, c.env, "patroni", n.config)
	return err
}

// folder creates a folder that the servers own.
func (c *cluster) folder(name string) (string, error) {
	dir := filepath.Join(c.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return dir, c.own(dir)
}

func (c *cluster) own(path string) error {
	if c.as == nil {
		return nil
	}
	return os.Chown(path, int(c.as.Uid), int(c.as.Gid))
}

func (c *cluster) write(path, text string, settings any) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = template.Must(template.New(filepath.Base(path)).Parse(text)).Execute(file, settings)
	return errors.Join(err, file.Close(), c.own(path))
}

// close stops everything and removes the folder, unless keep is set.
func (c *cluster) close(keep bool) error {
	var faults []error
	for _, n := range c.nodes {
		n.signal(syscall.SIGKILL)
	}
	faults = append(faults, c.haproxy.stop(), c.etcd.stop())
	if keep {
		fmt.Fprintf(os.Stderr, "logs are kept in %s\n", c.dir)
	} else {
		faults = append(faults, os.RemoveAll(c.dir))
	}
	return errors.Join(faults...)
}

// signal sends a signal to Patroni, PostgreSQL and all their descendants.
func (n *node) signal(signal syscall.Signal) { signalAll(signal, n.processes()...) }

// crash kills only PostgreSQL.
func (n *node) crash() {
	if postmaster := n.postmaster(); postmaster != 0 {
		signalAll(syscall.SIGKILL, postmaster)
	}
}

// signalAll sends a signal to processes and their descendants. It stops them first, so
// that none of them starts another meanwhile.
func signalAll(signal syscall.Signal, pids ...int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	for _, pid := range family(pids...) {
		_ = syscall.Kill(pid, signal)
	}
}

func (n *node) processes() (pids []int) {
	if n.patroni != nil {
		pids = append(pids, n.patroni.pid)
	}
	if postmaster := n.postmaster(); postmaster != 0 {
		pids = append(pids, postmaster)
	}
	return pids
}

// postmaster returns the process of PostgreSQL, or 0 if none is running. Its lock file may
// be stale.
func (n *node) postmaster() int {
	text, err := os.ReadFile(filepath.Join(n.Dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !strings.Contains(string(command), n.Dir) {
		return 0
	}
	return pid
}

// url returns a URL with all nodes, of which the driver finds the one that accepts writes.
func (c *cluster) url(user, name string) string {
	var hosts []string
	for _, n := range c.nodes {
		hosts = append(hosts, address(n.Port))
	}
	return fmt.Sprintf("postgresql://%s:%s@%s/%s?sslmode=disable&target_session_attrs=read-write&connect_timeout=2",
		url.PathEscape(user), password, strings.Join(hosts, ","), name)
}

// readURL returns the URL of the standbys. It names all nodes, since each may be a standby.
func (c *cluster) readURL(user, name string) string {
	all, _, _ := strings.Cut(c.url(user, name), "?")
	return all + "?sslmode=disable&connect_timeout=2"
}

// proxied returns the URLs of the primary and of the standbys through HAProxy.
func (c *cluster) proxied(user, name string) (primary, standbys string) {
	of := func(port int) string {
		return fmt.Sprintf("postgresql://%s:%s@%s/%s?sslmode=disable&connect_timeout=2", user, password, address(port), name)
	}
	return of(c.primaryPort), of(c.standbyPort)
}

// query runs statements on the primary, as its superuser.
func (c *cluster) query(ctx context.Context, name string, run func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.url(superuser, name))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return run(conn)
}

// unprivileged returns the account that the servers run as if this process is root: they
// refuse to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(account.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// environment returns the whole environment of the servers.
func environment() []string {
	return []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "LANG=C.UTF-8", "TZ=UTC", "HOME=/nonexistent"}
}

func address(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// freePorts returns ports that are free right now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		listener, err := net.Listen("tcp", host+":0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// checkPrograms returns an error that names a missing program.
func checkPrograms() (binaries string, err error) {
	for program, pkg := range map[string]string{"patroni": "patroni", "patronictl": "patroni", "etcd": "etcd-server"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is missing: install the package %s (Debian)", program, pkg)
		}
	}
	if _, err := os.Stat("/usr/sbin/haproxy"); err != nil {
		return "", errors.New("haproxy is missing: install the package haproxy (Debian)")
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is missing: install the package postgresql (Debian)")
	}
	return filepath.Dir(found[len(found)-1]), nil
}
