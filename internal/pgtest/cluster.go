// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// clusterVariable names the coordinator of the cluster that tests with the build tag
// citus use.
const clusterVariable = "TEST_CITUS_URL"

// clusterPrefix begins the names of all databases of the tests.
const clusterPrefix = "stats_service_"

// joinCluster connects to the coordinator of a Citus cluster, in a database that has the
// extension and the workers. It creates every other database from there. It connects to
// the workers only for the first template, by the names that the coordinator uses.
//
// New copies, on every node, a template whose tables are distributed: creating and
// distributing them for each test would take four times as long.
func joinCluster(schema Schema) (s *server, leave func(), err error) {
	address := os.Getenv(clusterVariable)
	if address == "" {
		return nil, nil, errors.New("tests with the build tag citus need a Citus cluster, but " + clusterVariable + " is not set: " +
			"set it to the URL of a database on the coordinator with the extension citus and the workers added, " +
			"for a superuser, such as postgresql://postgres@127.0.0.1:5432/postgres?sslmode=disable")
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("prepare the test databases on the cluster of %s: %w", clusterVariable, err)
		}
	}()
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return nil, nil, errors.New(err.Error())
	}
	s = &server{urlFor: databasesOf(address), maintenance: config.Database, cluster: true}
	ctx := context.Background()
	// Other test binaries create the same templates at the same time.
	const lock, unlock = "SELECT pg_advisory_lock(7461051)", "SELECT pg_advisory_unlock(7461051)"
	if _, err := s.query(ctx, lock); err != nil {
		return nil, nil, err
	}
	if err := s.dropOrphans(ctx); err != nil {
		return nil, nil, err
	}
	if err := s.prepareCluster(ctx, schema); err != nil {
		return nil, nil, err
	}
	_, err = s.query(ctx, unlock)
	return s, func() {}, err
}

// prepareCluster is prepare for a cluster. Templates stay on it for the next run;
// others are made when the schema or the nodes change.
func (s *server) prepareCluster(ctx context.Context, schema Schema) error {
	nodes, err := s.query(ctx, "SELECT nodename || ':' || nodeport FROM pg_dist_node WHERE isactive AND noderole = 'primary' ORDER BY groupid")
	if err != nil {
		return err
	}
	if len(nodes) < 2 {
		return errors.New("the database has no workers: add them with citus_add_node")
	}
	s.empty = clusterPrefix + "empty_" + shortHash(nodes)
	err = s.makeTemplate(ctx, s.empty, "template1", func(ctx context.Context, address string) error {
		return connectNodes(ctx, address, nodes)
	})
	if err != nil {
		return err
	}
	hash, err := hashOf(schema.Files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	s.migrated = clusterPrefix + "schema_" + shortHash(append(append(nodes, schema.Distribute...), hash))
	return s.makeTemplate(ctx, s.migrated, s.empty, func(ctx context.Context, address string) error {
		if err := schema.migrate(ctx, address); err != nil {
			return err
		}
		return execute(ctx, address, append(append([]string{"BEGIN"}, schema.Distribute...), "COMMIT")...)
	})
}

// dropOrphans drops the databases of processes that were killed: a cluster, unlike
// the private server, stays. Each process holds a lock for as long as it runs.
func (s *server) dropOrphans(ctx context.Context) error {
	if _, err := s.query(ctx, "SELECT pg_advisory_lock(7461052, hashtext('"+session+"'))"); err != nil {
		return err
	}
	orphans, err := s.query(ctx, `SELECT datname FROM pg_database
		WHERE datname ~ '^test_[0-9]+_[a-z0-9]+_[0-9]+' AND pg_try_advisory_lock(7461052, hashtext(split_part(datname, '_', 3)))`)
	if err != nil {
		return err
	}
	for _, name := range orphans {
		// After a run that ended while creating or dropping it, not all nodes have it.
		if err := s.everywhere(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

func shortHash(texts []string) string {
	hash := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	return hex.EncodeToString(hash[:6])
}

// connectNodes makes an empty database of all nodes, the first of which is the
// coordinator, one database of Citus.
func connectNodes(ctx context.Context, address string, nodes []string) error {
	var connect []string
	for i, node := range nodes {
		host, port, err := net.SplitHostPort(node)
		if err != nil {
			return fmt.Errorf("the address of a node: %w", err)
		}
		of, err := url.Parse(address)
		if err != nil {
			return err
		}
		function := "citus_set_coordinator_host"
		if i > 0 {
			of.Host, function = node, "citus_add_node"
		}
		if err := execute(ctx, of.String(), "CREATE EXTENSION citus"); err != nil {
			return err
		}
		connect = append(connect, fmt.Sprintf("SELECT %s('%s', %s)", function, host, port))
	}
	return execute(ctx, address, connect...)
}

func execute(ctx context.Context, address string, statements ...string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := pgconn.Connect(ctx, address)
	if err != nil {
		return errors.New(err.Error())
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := run(ctx, conn, statement); err != nil {
			return err
		}
	}
	return nil
}

// seal ends all connections to a database on every node, so that it can be copied: Citus
// itself stays connected to a database that was used, and so do the nodes to each other.
// It removes the name of the database from the catalog of Citus, which would be wrong in
// a copy.
func (s *server) seal(ctx context.Context, database string) error {
	const forget = "DELETE FROM pg_catalog.pg_dist_object WHERE classid = 'pg_database'::regclass"
	err := execute(ctx, s.urlFor(database), forget, "SELECT run_command_on_workers($$"+forget+"$$)")
	if err != nil {
		return err
	}
	return s.everywhere(ctx,
		s.refuseConnections(database),
		"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '"+database+"'")
}
