package load

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/client"
)

// accounts returns an API client for each client of the dataset.
func (f Filler) accounts(ctx context.Context, d *Dataset) ([]*client.ClientWithResponses, error) {
	web := &http.Client{
		Timeout:   postTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: f.Writers},
	}
	admin, err := client.New(f.Server, f.AdminToken, client.WithHTTPClient(web))
	if err != nil {
		return nil, err
	}
	var accounts []*client.ClientWithResponses
	for _, name := range d.Names() {
		token := Token(name)
		if err := createClient(ctx, admin, name, token); err != nil {
			return nil, fmt.Errorf("create client %q: %w", name, err)
		}
		account, err := client.New(f.Server, token, client.WithHTTPClient(web))
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, account)
	}
	return accounts, nil
}

// Token returns the API key of the client with a name. It follows from the
// name, so that an instance can be filled again.
func Token(name string) string { return uuid.NewSHA1(namespace, []byte(name)).String() }

// createClient makes sure that the client exists.
func createClient(ctx context.Context, admin *client.ClientWithResponses, name, token string) error {
	result, err := admin.ClientCreateWithResponse(ctx, nil, api.ClientCreation{Name: name, Token: &token})
	if err != nil {
		return err
	}
	if result.StatusCode() == http.StatusNotModified {
		return nil
	}
	return client.ErrorOf(result)
}
