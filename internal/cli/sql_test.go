// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// sql changes a database without the service.
func sql(ts *testscript.TestScript, args []string) {
	conn, err := pgx.Connect(context.Background(), args[0])
	ts.Check(err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), args[1])
	ts.Check(err)
}

// sealed stores a client as an instance with another secret key has done.
func sealed(ts *testscript.TestScript, args []string) {
	store, err := postgres.Open(context.Background(), postgres.Options{URL: args[0], Secret: secret.New(args[1])})
	ts.Check(err)
	defer store.Close()
	_, err = store.CreateClient(context.Background(), stats.Client{Name: args[2], Token: args[2], IsActive: true})
	ts.Check(err)
}
