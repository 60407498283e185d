package cli_test

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// sql changes a database behind the back of the service.
func sql(ts *testscript.TestScript, args []string) {
	conn, err := pgx.Connect(context.Background(), args[0])
	ts.Check(err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), args[1])
	ts.Check(err)
}
