// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"cmp"
	"regexp"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
)

// queryName matches the comment that names a query of sql/queries.
var queryName = regexp.MustCompile(`^-- name: (\w+)`)

// traced adds spans for queries to a tracer. They contain the statements, but no
// values.
func traced(tracer pgx.QueryTracer) pgx.QueryTracer {
	return multitracer.New(tracer, otelpgx.NewTracer(otelpgx.WithSpanNameFunc(spanName)))
}

// spanName returns the name of the query, or the first word of a statement without a
// name.
func spanName(statement string) string {
	if match := queryName.FindStringSubmatch(statement); match != nil {
		return match[1]
	}
	return cmp.Or(firstWord.FindString(statement), "statement")
}

var firstWord = regexp.MustCompile(`\w+`)
