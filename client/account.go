// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
)

// Account is the service's client that a key belongs to.
type Account struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	Token   string `json:"token"`
	Sharing bool   `json:"is_sharing_enabled"` // its stats are forwarded to other instances
}

// Admin reports whether the account may see everybody's stats.
func (a Account) Admin() bool { return a.Role == "2" || a.Role == "admin" }

// Me returns the account of the key.
func (c *Client) Me(ctx context.Context) (Account, error) {
	var account Account
	err := c.repeat(ctx, "get the client of the key", nil, func() error {
		response, err := c.api.ClientGet(ctx, nil)
		return decode(response, err, &account)
	})
	return account, err
}

// Share sets whether the stats of the account may be forwarded to other instances.
func (c *Client) Share(ctx context.Context, enabled bool) (Account, error) {
	var account Account
	err := c.repeat(ctx, "set the sharing of the client", nil, func() error {
		response, err := c.api.ClientPatch(ctx, nil, api.ClientPatch{IsSharingEnabled: enabled})
		return decode(response, err, &account)
	})
	return account, err
}

// CreateAccount creates an account with the role of a user; the key must belong to an
// admin. If token is empty, the service generates one. With a token, an existing
// account with this name and token counts as success, so the request is safe to repeat.
// Without one, it is only repeated if the service certainly did nothing.
func (c *Client) CreateAccount(ctx context.Context, name, token string) (Account, error) {
	body := api.ClientCreation{Name: name}
	safe := (*Error).refusedBefore
	if token != "" {
		body.Token, safe = &token, nil
	}
	account := Account{Name: name, Token: token}
	err := c.repeat(ctx, fmt.Sprintf("create client %q", name), safe, func() error {
		response, err := c.api.ClientCreate(ctx, nil, body)
		return decode(response, err, &account)
	})
	return account, err
}

// Stat returns one stat of an analysis. The error is ErrNotFound if there is none with
// that UUID, or the account may not see it.
func (c *Client) Stat(ctx context.Context, anr, id uuid.UUID) (Stat, error) {
	var stat Stat
	err := c.repeat(ctx, fmt.Sprintf("get stat %s", id), nil, func() error {
		response, err := c.api.GetStats(ctx, anr.String(), &api.GetStatsParams{UUID: id.String()})
		return decode(response, err, &stat)
	})
	return stat, err
}

// Delete deletes the stats of an analysis, or only those with the given UUIDs. UUIDs
// without a stat are skipped. The error is ErrNotFound if there was nothing to delete at
// all, unless an earlier attempt got no answer: that attempt may have deleted them.
func (c *Client) Delete(ctx context.Context, anr uuid.UUID, ids ...uuid.UUID) error {
	if len(ids) == 0 {
		return c.delete(ctx, "delete the stats of analysis "+anr.String(), anr, "")
	}
	var missing error
	deleted := false
	for _, id := range ids {
		err := c.delete(ctx, "delete stat "+id.String(), anr, id.String())
		switch {
		case err == nil:
			deleted = true
		case errors.Is(err, ErrNotFound):
			missing = err
		default:
			return err
		}
	}
	if deleted {
		return nil
	}
	return missing
}

func (c *Client) delete(ctx context.Context, what string, anr uuid.UUID, id string) error {
	var params *api.DeleteStatsParams
	if id != "" {
		params = &api.DeleteStatsParams{UUID: id}
	}
	uncertain := false
	return c.repeat(ctx, what, nil, func() error {
		response, err := c.api.DeleteStats(ctx, anr.String(), params)
		err = decode(response, err, nil)
		var failed *Error
		if !errors.As(err, &failed) {
			return err
		}
		if failed.Status == http.StatusNotFound && uncertain {
			return nil
		}
		uncertain = uncertain || failed.Temporary() && !failed.refusedBefore()
		return err
	})
}
