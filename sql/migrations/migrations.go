// Package migrations holds the schema of the service's database as goose
// migrations, in the order of their file names.
//
// The schema keeps to what PostgreSQL 12 offers. It can also be distributed
// with Citus: client and subject as reference tables, stats by uuid. Hence every
// primary or unique key of stats contains uuid, there are no triggers, and the
// only foreign key leads from stats to client.
package migrations

import "embed"

// FS holds the migrations at its root.
//
//go:embed *.sql
var FS embed.FS
