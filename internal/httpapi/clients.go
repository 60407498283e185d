// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// ClientGet answers with the client of the key and the token that it sent.
func (s *Server) ClientGet(ctx context.Context, request server.ClientGetRequestObject) (server.ClientGetResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	return respondJSON(ctx, http.StatusOK, wireClient(client), mask), nil
}

// ClientPatch sets the sharing flag of the client of the key.
func (s *Server) ClientPatch(ctx context.Context, request server.ClientPatchRequestObject) (server.ClientPatchResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	client, ok := caller(ctx)
	if !ok {
		return nil, errNoKey
	}
	changed, err := s.store.SetSharing(ctx, client.UUID, request.Body.IsSharingEnabled)
	s.tokens.Invalidate(string(postgres.ChangeClients))
	if err != nil {
		return nil, err
	}
	changed.Token = client.Token
	return respondJSON(ctx, http.StatusCreated, wireClient(changed), mask), nil
}

// ClientCreate adds a client with the role user. It answers 304 if the same client with
// the same token exists already.
func (s *Server) ClientCreate(ctx context.Context, request server.ClientCreateRequestObject) (server.ClientCreateResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	if !s.mayRegister(ctx) {
		return nil, stats.ErrForbidden
	}
	requested, err := newClient(*request.Body)
	if err != nil {
		return nil, err
	}
	client, err := s.store.CreateClient(ctx, requested)
	if errors.Is(err, stats.ErrUnchanged) {
		return respondStatus(http.StatusNotModified), nil
	}
	if err != nil {
		return nil, err
	}
	return respondJSON(ctx, http.StatusCreated, wireClient(client), mask), nil
}

func (s *Server) mayRegister(ctx context.Context) bool {
	client, ok := caller(ctx)
	return s.registrationOpen || ok && client.Role == stats.RoleAdmin
}

func newClient(body api.ClientCreation) (stats.Client, error) {
	client := stats.Client{
		Name:             body.Name,
		Role:             stats.RoleUser,
		Local:            true,
		IsActive:         true,
		IsSharingEnabled: body.IsSharingEnabled == nil || *body.IsSharingEnabled,
	}
	if body.Token == nil {
		return client, nil
	}
	// The store would generate a token that the deployment tool does not know.
	if client.Token = *body.Token; client.Token == "" {
		return client, stats.Invalid("token", "is empty; leave it out to have one made")
	}
	return client, nil
}

func wireClient(client stats.Client) api.Clients {
	return api.Clients{
		Name:             client.Name,
		Token:            client.Token,
		Role:             strconv.Itoa(int(client.Role)),
		IsSharingEnabled: &client.IsSharingEnabled,
	}
}
