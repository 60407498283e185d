// SPDX-License-Identifier: AGPL-3.0-or-later

// Package migrations holds the schema of the service's database as goose
// migrations, in the order of their file names.
//
// The schema keeps to what PostgreSQL 12 offers. It can also be distributed with
// Citus: document, stats and peer_receipt by analysis, beside each other; what they
// refer to as reference tables; all others on the coordinator. Hence there are no
// triggers, and foreign keys between distributed tables contain the analysis then.
package migrations

import "embed"

// FS holds the migrations at its root.
//
//go:embed *.sql
var FS embed.FS
