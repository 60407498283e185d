// SPDX-License-Identifier: AGPL-3.0-or-later

// Package migrations holds the schema of the service's database as goose
// migrations, in the order of their file names.
//
// The schema works with PostgreSQL 12 and later. It can also be distributed with Citus:
// document, stats and peer_receipt by analysis, co-located; the tables that they refer to
// as reference tables; all others on the coordinator. So distributed tables have no
// triggers, and foreign keys between them then contain the analysis.
package migrations

import "embed"

// FS holds the migrations at its root.
//
//go:embed *.sql
var FS embed.FS
