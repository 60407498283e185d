// SPDX-License-Identifier: AGPL-3.0-or-later

// Package audit defines the entries of the audit log: who changed clients or their keys,
// who deleted data, and which addresses sent invalid keys.
package audit

import (
	"context"
	"encoding/json"
	"time"
)

// Action names what was done.
type Action string

// The recorded actions.
const (
	ClientCreate  Action = "client.create"
	ClientUpdate  Action = "client.update"
	ClientRotate  Action = "client.rotate" // a new token
	ClientDelete  Action = "client.delete" // with its stats
	StatsDelete   Action = "stats.delete"
	StatsPurge    Action = "stats.purge"
	AuditPurge    Action = "audit.purge" // old entries of the log itself
	DatabaseAdopt Action = "database.adopt"
	KeyRefuse     Action = "key.refuse" // unknown key, or key of an inactive client
	KeyBlock      Action = "key.block"  // not checked, after too many failures
)

// Actor is who acts and from where.
type Actor struct {
	Name   string // Operator or Client of a name, or Anyone or Service
	Origin string // the address of a caller, or the host name for a command
}

// The names of actors that are neither an operator nor a client.
const (
	Anyone  = "anyone"  // a caller without a valid key
	Service = "service" // the service itself
)

// Operator returns the name of an actor who runs commands.
func Operator(name string) string { return "operator " + name }

// Client returns the name of a client, as an actor or a target.
func Client(uuid string) string { return "client " + uuid }

// Analysis returns the name of an analysis as a target.
func Analysis(uuid string) string { return "analysis " + uuid }

// Targets that are neither a client nor an analysis.
const (
	AllStats = "stats"
	Log      = "audit log"
	Database = "database"
	AllKeys  = "keys"
)

// Event is an entry of the log. Before and After are JSON objects with the fields that
// differ, without tokens; they are nil if there are none.
type Event struct {
	At     time.Time
	Actor  Actor
	Action Action
	Target string
	Before json.RawMessage
	After  json.RawMessage
}

type actorKey struct{}

// WithActor returns a context for the actions of the actor.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorOf returns the actor of ctx, or Service if it has none.
func ActorOf(ctx context.Context) Actor {
	if actor, known := ctx.Value(actorKey{}).(Actor); known {
		return actor
	}
	return Actor{Name: Service}
}
