// SPDX-License-Identifier: AGPL-3.0-or-later

// Command failover starts three PostgreSQL nodes under Patroni with etcd and HAProxy,
// and the service on them, on this machine. It kills primaries and switches over under
// load, and reports how long writes and reads were impossible. It fails if an acknowledged
// stat is lost, if writes are interrupted for more than 15 seconds, or if a caller gets
// an answer other than success or 503.
//
//	go -C tools/loadgen run ./failover
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	adminToken = service.AdminToken
	role       = "stats"
)

type options struct {
	times   map[*event]*int
	proxied bool
	hold    bool
	keep    bool
	limit   time.Duration
}

func main() { service.Main("failover", run) }

func parse(args []string, usage io.Writer) (options, error) {
	o := options{times: map[*event]*int{}}
	flags := flag.NewFlagSet("failover", flag.ContinueOnError)
	flags.SetOutput(usage)
	o.times[&nodeKilled] = flags.Int("kills", 10, "how often the node of the primary is killed")
	o.times[&postgresKilled] = flags.Int("crashes", 3, "how often only the PostgreSQL of the primary is killed")
	o.times[&nodeFrozen] = flags.Int("freezes", 0, "how often the node of the primary freezes, against which only a watchdog protects reliably")
	o.times[&standbyKilled] = flags.Int("standbys", 3, "how often the node of a standby is killed")
	o.times[&switchedOver] = flags.Int("switchovers", 10, "how often another node is made the primary")
	flags.BoolVar(&o.proxied, "haproxy", false, "connect the service to the database through HAProxy instead of by a URL with all hosts")
	flags.BoolVar(&o.hold, "hold", false, "start everything, print the addresses, and wait for Ctrl-C")
	flags.BoolVar(&o.keep, "keep", false, "keep the folder with logs and settings")
	flags.DurationVar(&o.limit, "limit", time.Hour, "time limit for everything")
	if err := service.Parse(flags, args); err != nil {
		return o, err
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	binaries, err := checkPrograms()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	fmt.Fprintln(progress, "starting etcd, three nodes and HAProxy")
	c, err := newCluster(ctx, binaries)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close(o.keep)) }()
	s, server, err := startService(ctx, c, o.proxied)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if o.hold {
		fmt.Fprintf(out, "The service is at %s, an admin's key is %s\n%s\nthe nodes' settings and logs are in %s\n", server, adminToken, c.url(role, database), c.dir)
		<-ctx.Done()
		return nil
	}
	return try(ctx, o, c, server, out, progress)
}

// try causes the events and writes the table.
func try(ctx context.Context, o options, c *cluster, server string, out, progress io.Writer) error {
	load, err := startLoad(ctx, server, adminToken)
	if err != nil {
		return err
	}
	t := &trial{cluster: c, load: load, progress: progress}
	var results []result
	for _, e := range []*event{&switchedOver, &nodeKilled, &postgresKilled, &standbyKilled, &nodeFrozen} {
		happened, err := t.run(ctx, *e, *o.times[e])
		if err != nil {
			return errors.Join(err, load.end(), errors.Join(t.faults...))
		}
		results = append(results, happened)
	}
	through := "URL with all hosts"
	if o.proxied {
		through = "HAProxy"
	}
	table(out, through, results)
	if err := t.finish(ctx); err != nil {
		return err
	}
	return checkRollups(ctx, c)
}

// startService creates the database and starts the service on it.
func startService(ctx context.Context, c *cluster, proxied bool) (s *process, server string, err error) {
	err = c.query(ctx, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE ROLE "+role+" LOGIN CREATEDB PASSWORD '"+password+"'")
		return err
	})
	if err != nil {
		return nil, "", err
	}
	binary := filepath.Join(c.dir, "stats-service")
	if err := service.Build(ctx, binary); err != nil {
		return nil, "", err
	}
	for _, name := range []string{"db_create", "db_init"} {
		if err := c.command(ctx, name); err != nil {
			return nil, "", err
		}
	}
	primary, standbys := c.url(role, database), c.readURL(role, database)
	if proxied {
		primary, standbys = c.proxied(role, database)
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, "", err
	}
	env := append(c.settings(), "DATABASE_URL="+primary, "DATABASE_READ_URL="+standbys, "HOST="+host, fmt.Sprintf("PORT=%d", ports[0]), "ADMIN_TOKEN="+adminToken)
	// In production, etcd and the nodes have their own processors.
	s, err = startProcess(c.dir, "service", nil, env, "nice", "-n", "5", binary, "serve")
	if err != nil {
		return nil, "", err
	}
	server = "http://" + address(ports[0])
	return s, server, s.awaitReady(ctx, server)
}

func (p *process) awaitReady(ctx context.Context, server string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if response, err := http.Get(server + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if pause(ctx, poll) != nil {
			return errors.Join(fmt.Errorf("the service is not ready: %s", p.logTail()), p.stop())
		}
	}
}

// settings returns the settings of the service and its commands.
func (c *cluster) settings() []string {
	return append(environment(), "SECRET_KEY=secret-of-the-failover-0123456789", "DATA_DIR="+filepath.Join(c.dir, "service"))
}

// command runs one of the service's commands on the database.
func (c *cluster) command(ctx context.Context, args ...string) error {
	command := exec.CommandContext(ctx, filepath.Join(c.dir, "stats-service"), args...)
	command.Env = append(c.settings(), "DATABASE_URL="+c.url(role, database))
	if err := service.Output(command); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

// checkRollups fails if the rollups do not match the stats.
func checkRollups(ctx context.Context, c *cluster) error {
	return c.command(ctx, "db_rebuild", "--check")
}
