// SPDX-License-Identifier: AGPL-3.0-or-later

// Package audit says who did what, and from where, for the log that operators
// read: changes of clients and of their keys, deletions, and keys that were refused.
package audit

import (
	"context"
	"encoding/json"
	"time"
)

// Action is what was done.
type Action string

// The actions that are noted.
const (
	ClientCreate  Action = "client.create"
	ClientUpdate  Action = "client.update"
	ClientRotate  Action = "client.rotate" // a new token
	ClientDelete  Action = "client.delete" // with its stats
	StatsDelete   Action = "stats.delete"
	StatsPurge    Action = "stats.purge"
	AuditPurge    Action = "audit.purge" // old entries of the log itself
	DatabaseAdopt Action = "database.adopt"
	KeyRefuse     Action = "key.refuse" // unknown, or of an inactive client
	KeyBlock      Action = "key.block"  // not looked at, after too many failures
)

// Actor is who acts, and from where.
type Actor struct {
	Name   string // "operator alice", "client " and its uuid, Anyone or Service
	Origin string // the address of a caller, the name of the machine of a command
}

// The names of actors that are neither an operator nor a client.
const (
	Anyone  = "anyone"  // without a right key
	Service = "service" // by itself
)

// Operator names somebody who runs commands.
func Operator(name string) string { return "operator " + name }

// Client names a client, as an actor and as a target.
func Client(uuid string) string { return "client " + uuid }

// Analysis names an analysis as a target.
func Analysis(uuid string) string { return "analysis " + uuid }

// Targets that are neither a client nor an analysis.
const (
	AllStats = "stats"
	Log      = "audit log"
	Database = "database"
	AllKeys  = "keys"
)

// Event is an entry of the log. Before and After hold what differs, as JSON
// objects without any token; nil where there is nothing to tell.
type Event struct {
	At     time.Time
	Actor  Actor
	Action Action
	Target string
	Before json.RawMessage
	After  json.RawMessage
}

type actorKey struct{}

// WithActor returns a context of what the actor does.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorOf returns who acts: the service itself where nobody else is known.
func ActorOf(ctx context.Context) Actor {
	if actor, known := ctx.Value(actorKey{}).(Actor); known {
		return actor
	}
	return Actor{Name: Service}
}
