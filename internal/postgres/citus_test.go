//go:build citus

package postgres_test

func init() {
	lockWaiters = `SELECT sum(result::bigint)::bigint FROM run_command_on_all_nodes($$` + lockWaiters + `$$)`
}
