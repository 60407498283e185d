// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	// requestTimeout is shorter than the default, so that a request on a silent connection
	// does not take 25 s.
	requestTimeout = 5 * time.Second
	// poolSize is smaller than the number of offices, so that they wait for connections.
	poolSize = 4
	diskSize = 1 << 30
)

// stage is a service with its database. It uses default settings except for those set
// here.
type stage struct {
	dir     string
	address string // of the service
	binary  string
	skewed  string // path of the program skewed
	env     []string
	process *service.Process
	db      *database
	proxy   *pgtest.Proxy // between service and database; nil: the database is the service's own
	mounted string        // small file system; empty: none
}

// newStage starts a service; private chooses whether it runs its database itself.
func newStage(ctx context.Context, dir, binary, skewed string, private, small bool) (*stage, error) {
	address, err := service.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir, address: address, binary: binary, skewed: skewed, db: &database{dir: filepath.Join(dir, "db")}}
	settings := []string{"DATA_DIR=" + s.db.dir, "POSTGRES_MIRROR=none", "LOG_LEVEL=warn", "REQUEST_TIMEOUT=" + requestTimeout.String(), fmt.Sprint("DB_POOL_SIZE=", poolSize)}
	if err := os.Mkdir(dir, 0o711); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	if small {
		if err := mountSmall(s.db.dir, diskSize); err != nil {
			return nil, err
		}
		s.mounted = s.db.dir
	}
	s.env = service.Environment(settings...)
	if !private {
		if err := s.provide(ctx); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if err := s.serve(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.process.AwaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// provide starts a database for the service, behind a proxy.
func (s *stage) provide(ctx context.Context) (err error) {
	if err := s.db.start(ctx); err != nil {
		return err
	}
	if s.proxy, err = s.db.proxy(); err != nil {
		return err
	}
	s.env = append(s.env, "DATABASE_URL="+s.proxy.URL)
	command := exec.CommandContext(ctx, s.binary, "db_init")
	command.Env = s.env
	return service.Output(command)
}

// serve starts the service and does not wait for it.
func (s *stage) serve() error { return s.run(s.binary, s.env) }

func (s *stage) run(binary string, env []string) (err error) {
	s.process, err = service.Start(service.Options{Binary: binary, Env: env, Address: s.address, Log: filepath.Join(s.dir, "service.log")})
	return err
}

func (s *stage) url() string { return "http://" + s.address }

// close shuts everything down, cleanly if possible.
func (s *stage) close() error {
	var err error
	if s.process != nil {
		err = s.process.Stop()
	}
	if s.proxy != nil {
		s.proxy.Close()
	}
	switch {
	case s.db.server != nil:
		err = errors.Join(err, s.db.server.Stop(context.Background()))
	default:
		if pid, there := s.db.postmaster(); there == nil { // the service was killed
			err = errors.Join(err, syscall.Kill(pid, syscall.SIGQUIT))
		}
	}
	if s.mounted != "" {
		err = errors.Join(err, unmount(s.mounted))
	}
	return err
}

// stored returns the UUIDs of all stats.
func (s *stage) stored(ctx context.Context) (map[key][]uuid.UUID, error) {
	found := map[key][]uuid.UUID{}
	err := s.db.query(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT anr::text, type, date::text, uuid::text FROM stats")
		if err != nil {
			return err
		}
		var anr, kind, day, id string
		_, err = pgx.ForEachRow(rows, []any{&anr, &kind, &day, &id}, func() error {
			k := key{uuid.MustParse(anr), client.Type(kind), day}
			found[k] = append(found[k], uuid.MustParse(id))
			return nil
		})
		return err
	})
	return found, err
}

// compare compares the ledgers of the offices with the database. The caller must have
// stopped the offices.
func (s *stage) compare(ctx context.Context, c *crowd) (faults, error) {
	rows, err := s.stored(ctx)
	if err != nil {
		return faults{}, err
	}
	return compareAll(rows, c), nil
}

func compareAll(rows map[key][]uuid.UUID, c *crowd) (all faults) {
	known := 0
	for _, o := range c.all {
		all.add(o.ledger.compare(rows))
		for k := range rows {
			if o.ledger.entries[k] != nil {
				known++
			}
		}
	}
	if all.unknown = len(rows) - known; all.unknown > 0 {
		all.example("%d analyses and days are stored that were never posted", all.unknown)
	}
	return all
}

// checkRollups runs db_rebuild --check.
func (s *stage) checkRollups(ctx context.Context) error {
	address, err := s.db.url(ctx, "")
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, s.binary, "db_rebuild", "--check")
	command.Env = append(s.env, "DATABASE_URL="+address)
	if err := service.Output(command); err != nil {
		return fmt.Errorf("db_rebuild --check: %w", err)
	}
	return nil
}

// compareContents lists all stats of each office over the API, and compares them with the
// posted ones.
func (s *stage) compareContents(ctx context.Context, c *crowd) (f faults, err error) {
	for _, o := range c.all {
		missing := map[uuid.UUID]client.Stat{}
		for _, k := range o.ledger.live {
			stat := o.ledger.entries[k].stat
			missing[stat.UUID] = stat
		}
		first := client.Day(time.Now().AddDate(-1, 0, 0))
		for stat, err := range o.client.All(ctx, client.Query{From: first}) {
			if err != nil {
				return f, err
			}
			want, ok := missing[stat.UUID]
			if !ok {
				f.unknown++
				f.example("listed and not posted: %s %s", stat.UUID, stat.ANR)
				continue
			}
			if !sameJSON(want.Data, stat.Data) {
				f.lost++
				f.example("other data than was posted: %s %s", stat.Data, want.Data)
			}
			delete(missing, stat.UUID)
		}
		f.lost += len(missing)
		for id := range missing {
			f.example("not listed: %s", id)
		}
	}
	return f, nil
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// failuresLogged returns the lines of the log about requests that failed (500).
func (s *stage) failuresLogged() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "service.log"))
	lines := strings.Split(string(text), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "status=500") }), err
}

// panics counts the lines of the log that look like a panic.
func (s *stage) panics() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "service.log"))
	return strings.Count(string(text), "panic"), err
}
