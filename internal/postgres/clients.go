// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	maxNameLength  = 100
	maxTokenLength = 512
)

// CreateClient stores a new client and returns it with its token. It generates a UUID
// for uuid.Nil and a token for an empty one; a Role of 0 is stats.RoleUser. The store
// sets ID and the times.
//
// The error is a *stats.InvalidError for an invalid field. If the name is taken, it is
// stats.ErrUnchanged with the stored client if that has the same token, otherwise a
// *stats.ConflictError, as for a token or UUID that is taken.
func (s ClientStore) CreateClient(ctx context.Context, client stats.Client) (stats.Client, error) {
	client = withClientDefaults(client)
	name, err := s.spelling(ctx, client.Name)
	if err != nil {
		return stats.Client{}, err
	}
	client.Name = name
	if err := validateClient(client); err != nil {
		return stats.Client{}, err
	}
	row, err := s.insertClient(ctx, client)
	if err == nil {
		created := clientOf(row)
		created.Token = client.Token
		return created, nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return stats.Client{}, conflict("client_token_digest_key")
	}
	if sqlState(err) == codeUniqueViolation {
		if same, findErr := s.sameClient(ctx, client); findErr == nil {
			return same, stats.ErrUnchanged
		}
	}
	return stats.Client{}, fmt.Errorf("create client %q: %w", client.Name, translate(ctx, err))
}

func (s *shared) insertClient(ctx context.Context, client stats.Client) (row db.Client, err error) {
	params := s.insertClientParams(client)
	err = s.transact(ctx, func(w *writing) (err error) {
		w.changed[ChangeClients] = true
		if row, err = w.queries.InsertClient(ctx, params); err != nil {
			return err
		}
		return w.audit(ctx, audit.ClientCreate, audit.Client(row.UUID.String()), nil, clientFields(row))
	})
	return row, err
}

func withClientDefaults(client stats.Client) stats.Client {
	if client.UUID == uuid.Nil {
		client.UUID = uuid.New()
	}
	if client.Token == "" {
		client.Token = secret.NewToken()
	}
	if client.Role == 0 {
		client.Role = stats.RoleUser
	}
	return client
}

func (s *shared) insertClientParams(client stats.Client) db.InsertClientParams {
	return db.InsertClientParams{
		UUID:             client.UUID,
		Name:             client.Name,
		TokenDigest:      secret.Digest(client.Token),
		TokenSealed:      s.secret.Seal(client.Token, client.UUID[:]),
		Role:             int16(client.Role),
		Latitude:         client.Latitude,
		Longitude:        client.Longitude,
		Local:            client.Local,
		IsSharingEnabled: client.IsSharingEnabled,
		IsActive:         client.IsActive,
		CreatedAt:        s.timestamp(),
	}
}

// sameClient returns the stored client that has both the name and the token of
// client, or stats.ErrNotFound.
func (s *shared) sameClient(ctx context.Context, client stats.Client) (stats.Client, error) {
	row, err := s.queries.ClientByName(ctx, client.Name)
	if err != nil {
		return stats.Client{}, translate(ctx, err)
	}
	if !bytes.Equal(row.TokenDigest, secret.Digest(client.Token)) {
		return stats.Client{}, stats.ErrNotFound
	}
	same := clientOf(row)
	same.Token = client.Token
	return same, nil
}

func validateClient(client stats.Client) error {
	switch length := utf8.RuneCountInString(client.Name); {
	case length == 0:
		return stats.Invalid("name", "a name is required")
	case strings.TrimSpace(client.Name) != client.Name:
		return stats.Invalid("name", "the name begins or ends with white space, which is invisible")
	case length > maxNameLength:
		return stats.Invalid("name", "%d characters are too many: use up to %d", length, maxNameLength)
	case !printable(client.Name, unicode.MaxRune):
		return stats.Invalid("name", "the name contains control characters or is not UTF-8")
	case len(client.Token) > maxTokenLength:
		return stats.Invalid("token", "%d characters are too many: use up to %d", len(client.Token), maxTokenLength)
	case !printable(client.Token, unicode.MaxASCII) || bytes.ContainsRune([]byte(client.Token), ' '):
		return stats.Invalid("token", "use printable ASCII characters without spaces: the token travels in an HTTP header")
	case client.Role != stats.RoleUser && client.Role != stats.RoleAdmin:
		return stats.Invalid("role", "unknown role %d: use %d (user) or %d (admin)", client.Role, stats.RoleUser, stats.RoleAdmin)
	}
	return nil
}

// printable reports whether text is UTF-8 of printable characters up to last.
func printable(text string, last rune) bool {
	for _, r := range text {
		if r > last || !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}

// keyTimeout bounds how long the primary may take to look a token up before a replica is
// asked.
const keyTimeout = 2 * time.Second

// ClientByToken returns the client with a token, or stats.ErrNotFound. A token that
// RotateToken replaced is valid until its grace period ends. It returns inactive
// clients too: the caller decides what they may do.
//
// While the primary cannot be reached, a replica looks the token up, so that the client
// can go on reading. A token that no replica knows may still be valid.
func (s ClientStore) ClientByToken(ctx context.Context, token string) (stats.Client, error) {
	if s.replicas == nil {
		return s.clientByToken(ctx, s.queries, token)
	}
	if !s.replicas.PrimaryLost() {
		limited, cancel := context.WithTimeout(ctx, keyTimeout)
		defer cancel()
		if client, err := s.clientByToken(limited, s.queries, token); err == nil || errors.Is(err, stats.ErrNotFound) {
			return client, err
		}
	}
	var client stats.Client
	ok, err := s.replicas.ReadWithoutPrimary(ctx, func(source db.DBTX) (err error) {
		client, err = s.clientByToken(ctx, db.New(source), token)
		return err
	})
	if ok && err == nil {
		return client, nil
	}
	return s.clientByToken(ctx, s.queries, token)
}

func (s ClientStore) clientByToken(ctx context.Context, queries *db.Queries, token string) (stats.Client, error) {
	row, err := queries.ClientByTokenDigest(ctx, db.ClientByTokenDigestParams{
		TokenDigest: secret.Digest(token), Now: s.timestamp(),
	})
	if err != nil {
		return stats.Client{}, fmt.Errorf("find the client of a token: %w", translate(ctx, err))
	}
	client := clientOf(row)
	client.Token = token
	return client, nil
}

// ClientByUUID returns the client without its token, or stats.ErrNotFound.
func (s ClientStore) ClientByUUID(ctx context.Context, id uuid.UUID) (stats.Client, error) {
	row, err := s.queries.ClientByUUID(ctx, id)
	if err != nil {
		return stats.Client{}, fmt.Errorf("find client %s: %w", id, translate(ctx, err))
	}
	return clientOf(row), nil
}

// Clients returns all clients without their tokens, oldest first.
func (s ClientStore) Clients(ctx context.Context) ([]stats.Client, error) {
	rows, err := s.queries.ListClients(ctx)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", translate(ctx, err))
	}
	clients := make([]stats.Client, len(rows))
	for i, row := range rows {
		clients[i] = clientOf(row)
	}
	return clients, nil
}

// ListClients returns all clients with their tokens, oldest first. A client of an
// adopted database may have none. A client whose token was sealed with another secret
// key has an empty one; the error then wraps secret.ErrCannotOpen and names the first
// such client.
func (s ClientStore) ListClients(ctx context.Context) ([]stats.Client, error) {
	rows, err := s.queries.ListClients(ctx)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", translate(ctx, err))
	}
	clients := make([]stats.Client, len(rows))
	var unreadable error
	for i, row := range rows {
		clients[i] = clientOf(row)
		if row.TokenSealed == nil {
			continue
		}
		token, err := s.secret.Open(row.TokenSealed, row.UUID[:])
		if err != nil && unreadable == nil {
			unreadable = fmt.Errorf("read the token of client %q: %w", clients[i].Name, err)
		}
		clients[i].Token = token
	}
	return clients, unreadable
}

// EnsureAdmin creates an active admin client with this token if there is none. It never
// promotes a client or changes a token: if another kind of client has the token, or a
// client with another token has the name, the error is a *stats.ConflictError.
func (s ClientStore) EnsureAdmin(ctx context.Context, token, name string) (created bool, err error) {
	if token == "" {
		return false, stats.Invalid("token", "the admin token is empty")
	}
	holder, err := s.ClientByToken(ctx, token)
	if err == nil {
		return false, checkAdmin(holder)
	}
	if !errors.Is(err, stats.ErrNotFound) {
		return false, err
	}
	holder, err = s.CreateClient(ctx, stats.Client{
		Name: name, Token: token, Role: stats.RoleAdmin, Local: true, IsSharingEnabled: true, IsActive: true,
	})
	if errors.Is(err, stats.ErrUnchanged) { // another process was faster
		return false, checkAdmin(holder)
	}
	return err == nil, err
}

func checkAdmin(holder stats.Client) error {
	if holder.Role == stats.RoleAdmin && holder.IsActive {
		return nil
	}
	return &stats.ConflictError{Field: "token", Message: fmt.Sprintf(
		"the admin token belongs to client %q, which is not an active admin: choose another admin token", holder.Name)}
}

// RecordSeen updates when clients were last seen, by id. It ignores earlier times and
// unknown ids.
func (s ClientStore) RecordSeen(ctx context.Context, seen map[int64]time.Time) error {
	if len(seen) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(seen))
	times := make([]time.Time, len(ids))
	for i, id := range ids {
		times[i] = seen[id]
	}
	err := s.queries.RecordClientsSeen(ctx, db.RecordClientsSeenParams{IDs: ids, Times: times})
	if err != nil {
		return fmt.Errorf("record when %d clients were seen: %w", len(ids), translate(ctx, err))
	}
	return nil
}

func clientOf(row db.Client) stats.Client {
	client := stats.Client{
		ID:               row.ID,
		UUID:             row.UUID,
		Role:             stats.Role(row.Role),
		Latitude:         row.Latitude,
		Longitude:        row.Longitude,
		Local:            row.Local,
		IsSharingEnabled: row.IsSharingEnabled,
		IsActive:         row.IsActive,
		IsProcessed:      row.IsProcessed,
		CreatedAt:        row.CreatedAt.UTC(),
		UpdatedAt:        row.UpdatedAt.UTC(),
	}
	if row.Name != nil {
		client.Name = *row.Name
	}
	if row.LastSeen != nil {
		seen := row.LastSeen.UTC()
		client.LastSeen = &seen
	}
	return client
}
