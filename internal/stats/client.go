// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"time"

	"github.com/google/uuid"
)

// Role decides what a client may see. Its values are those of the database and the API.
type Role int16

// The two roles.
const (
	RoleUser  Role = 1
	RoleAdmin Role = 2
)

// String returns "user" or "admin".
func (r Role) String() string {
	if r == RoleAdmin {
		return "admin"
	}
	return "user"
}

// ParseRole returns the role named user or admin. For any other name, the error is an
// *InvalidError: an unknown role never becomes admin.
func ParseRole(name string) (Role, error) {
	switch name {
	case "user":
		return RoleUser, nil
	case "admin":
		return RoleAdmin, nil
	}
	return 0, Invalid("role", "unknown role %q: use user or admin", name)
}

// Client is an account of the service: a MONARC front office or a peer.
type Client struct {
	ID               int64
	UUID             uuid.UUID
	Name             string
	Token            string // set only where a caller has to show it
	Role             Role
	Latitude         *float64
	Longitude        *float64
	LastSeen         *time.Time
	Local            bool
	IsSharingEnabled bool
	IsActive         bool
	IsProcessed      bool // false for a muted client, whose stats count in no result
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// Scope returns the scope of the stats that the client may see, list and delete.
func (c Client) Scope() Scope {
	if c.Role == RoleAdmin {
		return Scope{all: true}
	}
	return Scope{clientID: c.ID}
}

// Scope limits every read and delete to the rows that its holder may access. The zero
// value gives access to nothing, so that a forgotten scope fails closed.
type Scope struct {
	all      bool
	clientID int64
}

// Everything returns the scope of operators and of aggregates over all clients.
func Everything() Scope { return Scope{all: true} }

// OfClient returns the scope of one client's own stats.
func OfClient(id int64) Scope { return Scope{clientID: id} }

// ClientID returns the only client whose rows are accessible, or nil for all.
func (s Scope) ClientID() *int64 {
	if s.all {
		return nil
	}
	id := s.clientID
	return &id
}
