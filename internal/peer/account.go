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

// account is the client of the peer that the token belongs to, as the peer
// describes it.
type account struct {
	id      uuid.UUID // uuid.Nil: the peer does not say, as the published API does not
	name    string
	role    string // empty: the peer does not say
	sharing *bool
}

// askAccount asks the peer once whose token it is. The header of the answer comes
// beside errors too, unless there was no answer.
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

// readAccount takes what other software than ours may write in another form
// for not said.
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
	described := account{name: shown(said.Name), role: roleName(shown(said.Role))}
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

// roleName returns the name of a role that is answered as a number.
func roleName(role string) string {
	if number, err := strconv.Atoi(role); err == nil && (number == int(stats.RoleUser) || number == int(stats.RoleAdmin)) {
		return stats.Role(number).String()
	}
	return role
}

// shown is a value that the peer may leave out, as text.
func shown(value any) string {
	if value == nil {
		return ""
	}
	return tidy(fmt.Sprint(value))
}

// foreignAnswer is an answer of success that no stats service would give.
func (l *link) foreignAnswer(what string) *peerError {
	return &peerError{server: l.server, status: http.StatusOK, message: what, foreign: true}
}

// tokenIdentity names what the token stands for at the peer, on which it depends
// what a pull sees: the peer's client and its role. Where the peer does not
// identify the client, the digest of the token stands for it, so that another
// token is another client; where it has no word about the token, only that. The
// error is that of a token which the peer does not accept, or of a peer that may
// answer later.
func (l *link) tokenIdentity(ctx context.Context) (string, error) {
	var as account
	err := l.retry(ctx, few500, func() (err error) {
		as, _, err = l.askAccount(ctx)
		return err
	})
	if failed, ok := errors.AsType[*peerError](err); ok && failed.unanswered() {
		l.Log.Info("the peer does not say which client the token belongs to", "cause", err.Error())
		err = nil
	}
	if err != nil {
		return "", err
	}
	if as.id != uuid.Nil {
		return withRole("client "+as.id.String(), as.role), nil
	}
	digest := sha256.Sum256([]byte(l.Token))
	return withRole("token "+hex.EncodeToString(digest[:]), as.role), nil
}

// mute reports whether a peer does not answer a question, although it is there and
// may answer others.
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
