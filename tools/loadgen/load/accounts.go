// SPDX-License-Identifier: AGPL-3.0-or-later

package load

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
)

// accounts returns an API client for each client of the dataset.
func (f Filler) accounts(ctx context.Context, d *Dataset) ([]*client.Client, error) {
	options := []client.Option{
		client.WithTimeout(postTimeout),
		client.WithHTTPClient(&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: f.Writers}}),
	}
	admin, err := client.New(f.Server, f.AdminToken, options...)
	if err != nil {
		return nil, err
	}
	var accounts []*client.Client
	for _, name := range d.Names() {
		token := Token(name)
		if _, err := admin.CreateAccount(ctx, name, token); err != nil {
			return nil, err
		}
		account, err := client.New(f.Server, token, options...)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// Token returns the API key of the client with this name. It is derived from the name, so
// that an instance can be filled again.
func Token(name string) string { return uuid.NewSHA1(namespace, []byte(name)).String() }
