// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// keyHeader carries the token of the client.
const keyHeader = "X-API-KEY"

// maskHeader selects the members of an answer.
const maskHeader = "X-Fields"

// clientTopics are the cache topics that the client of a token depends on.
var clientTopics = []string{string(postgres.ChangeClients)}

type callerKey struct{}

// caller returns the client of the request, with the token that it sent. There is none
// only where registration is open.
func caller(ctx context.Context) (stats.Client, bool) {
	client, ok := ctx.Value(callerKey{}).(stats.Client)
	return client, ok
}

// authenticate finds the client of the key before any of the body is read.
func (s *Server) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		anyone := audit.Actor{Name: audit.Anyone, Origin: c.RealIP()}
		ctx := audit.WithActor(r.Context(), anyone)
		c.SetRequest(r.WithContext(ctx))
		token := r.Header.Get(keyHeader)
		if token == "" && s.registrationOpen && isRegistration(c) {
			return next(c)
		}
		if _, err := s.identify(c, token); err != nil {
			return err
		}
		return next(c)
	}
}

// identify finds the client of a token from the header or a form, and makes it the
// caller of the request.
func (s *Server) identify(c echo.Context, token string) (stats.Client, error) {
	if token == "" {
		return stats.Client{}, errNoKey
	}
	r := c.Request()
	ctx := r.Context()
	client, err := s.clientOf(ctx, token)
	if errors.Is(err, errWrongKey) {
		return client, s.refuseKey(c, token)
	}
	if errors.Is(err, errInactive) {
		s.keys.Inactive(c.RealIP(), client.UUID.String())
	}
	if err != nil {
		return client, err
	}
	if err := s.rateLimit.ofClient(client); err != nil {
		return client, err
	}
	s.seen.note(client.ID)
	ctx = audit.WithActor(ctx, audit.Actor{Name: audit.Client(client.UUID.String()), Origin: c.RealIP()})
	c.SetRequest(r.WithContext(context.WithValue(ctx, callerKey{}, client)))
	return client, nil
}

func isRegistration(c echo.Context) bool {
	return c.Request().Method == echo.POST && c.Path() == Root+"/client"
}

// tokenAge bounds how long a cached token is accepted. The grace period of a replaced
// token ends without a notification that would drop it from the cache.
const tokenAge = 5 * time.Second

// newTokenCache returns a cache from tokens to clients. It holds no wrong tokens: their
// number is unbounded.
func newTokenCache(now func() time.Time) *cache.Cache {
	return cache.New(cache.Options{MaxBytes: 8 << 20, MaxAge: tokenAge, Now: now})
}

// clientOf returns the client of a token, also together with errInactive. The token
// itself is not kept in memory.
func (s *Server) clientOf(ctx context.Context, token string) (stats.Client, error) {
	client, err := cache.Get(ctx, s.tokens, cache.KeyOf(token), clientTopics, func(ctx context.Context) (stats.Client, error) {
		client, err := s.store.ClientByToken(ctx, token)
		client.Token = ""
		return client, err
	})
	client.Token = token
	if errors.Is(err, stats.ErrNotFound) {
		return stats.Client{}, errWrongKey
	}
	if err != nil {
		return stats.Client{}, fmt.Errorf("authenticate: %w", err)
	}
	if !client.IsActive {
		return client, errInactive
	}
	return client, nil
}
