// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// account is the peer's client that the token belongs to, as the peer describes it.
type account struct {
	id      uuid.UUID // uuid.Nil if unknown: the published API does not have it
	name    string
	role    string // empty if unknown
	sharing *bool
}

// askAccount asks the peer once whose token it is. It returns the header beside an
// error too, unless there was no response.
func (l *link) askAccount(ctx context.Context) (account, http.Header, error) {
	response, err := l.api.ClientGet(ctx, nil)
	if err != nil {
		return account{}, nil, err
	}
	if response.StatusCode != http.StatusOK {
		return account{}, response.Header, l.refusal(response)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return account{}, response.Header, err
	}
	described, err := l.readAccount(body)
	return described, response.Header, err
}

// readAccount ignores values of another JSON type: other software may write them
// differently.
func (l *link) readAccount(body []byte) (account, error) {
	var said struct {
		UUID    any `json:"uuid"`
		Name    any `json:"name"`
		Role    any `json:"role"`
		Token   any `json:"token"`
		Sharing any `json:"is_sharing_enabled"`
	}
	if err := json.Unmarshal(body, &said, anyText); err != nil {
		cutOff := len(body) > 0 && body[0] == '{' && errors.Is(err, io.ErrUnexpectedEOF)
		if cutOff && len(body) < maxAnswer {
			return account{}, l.unreadable(err)
		}
		return account{}, l.foreignAnswer("but not with a JSON object")
	}
	described := account{name: textOf(said.Name), role: roleName(textOf(said.Role))}
	if text, ok := said.UUID.(string); ok {
		described.id, _ = uuid.Parse(text)
	}
	if sharing, ok := said.Sharing.(bool); ok {
		described.sharing = &sharing
	}
	if described.name == "" || described.id == uuid.Nil && said.Token != l.Token {
		return account{}, l.foreignAnswer("but does not say whose token this is")
	}
	return described, nil
}

// roleName returns the name of a role, which the API gives as a number.
func roleName(role string) string {
	if number, err := strconv.Atoi(role); err == nil && (number == int(stats.RoleUser) || number == int(stats.RoleAdmin)) {
		return stats.Role(number).String()
	}
	return role
}

// textOf returns a value that the peer may leave out as text.
func textOf(value any) string {
	if value == nil {
		return ""
	}
	return printable(fmt.Sprint(value))
}

// foreignAnswer returns the error of a success response that no stats service gives.
func (l *link) foreignAnswer(what string) *peerError {
	return &peerError{server: l.server, status: http.StatusOK, message: what, foreign: true}
}

// tokenIdentity names the peer's client that the token belongs to, and its role,
// which decide what a pull sees. Where the peer does not identify the client, the
// digest of the token takes its place, so that another token is another client.
//
// It fails when the peer does not accept the token, or may answer later.
func (l *link) tokenIdentity(ctx context.Context) (string, error) {
	var found account
	err := l.retry(ctx, limit500, func() (err error) {
		found, _, err = l.askAccount(ctx)
		return err
	})
	if failed, ok := errors.AsType[*peerError](err); ok && failed.unanswered() {
		l.Log.Info("the peer does not say which client the token belongs to", "cause", err.Error())
		err = nil
	}
	if err != nil {
		return "", err
	}
	if found.id != uuid.Nil {
		return withRole("client "+found.id.String(), found.role), nil
	}
	digest := sha256.Sum256([]byte(l.Token))
	return withRole("token "+hex.EncodeToString(digest[:]), found.role), nil
}

// unanswered reports whether the peer works but does not serve this request.
func (f *peerError) unanswered() bool {
	if f.after > maxRetryAfter {
		return false
	}
	switch f.status {
	case 0, http.StatusUnauthorized, http.StatusForbidden:
		return false
	case http.StatusInternalServerError:
		return true
	}
	return !f.transient()
}

func withRole(client, role string) string {
	if role == "" {
		return client
	}
	return client + " " + role
}
