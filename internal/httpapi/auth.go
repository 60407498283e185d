package httpapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/stats"
)

// keyHeader carries the token of the client.
const keyHeader = "X-API-KEY"

// maskHeader says which members of an answer are wanted.
const maskHeader = "X-Fields"

type callerKey struct{}

// caller returns the client of the request, whose Token is the one it sent. It
// is absent only where the registration of clients is open.
func caller(ctx context.Context) (stats.Client, bool) {
	client, ok := ctx.Value(callerKey{}).(stats.Client)
	return client, ok
}

// authenticate finds the client of the key before anything of the body is read.
func (s *Server) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		token := r.Header.Get(keyHeader)
		if token == "" && s.registrationOpen && isRegistration(c) {
			return next(c)
		}
		if token == "" {
			return errNoKey
		}
		client, err := s.clientOf(r.Context(), token)
		if err != nil {
			return err
		}
		s.seen.note(client.ID)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), callerKey{}, client)))
		return next(c)
	}
}

func isRegistration(c echo.Context) bool {
	return c.Request().Method == echo.POST && c.Path() == Root+"/client"
}

func (s *Server) clientOf(ctx context.Context, token string) (stats.Client, error) {
	client, err := s.keys.client(ctx, token)
	if errors.Is(err, stats.ErrNotFound) {
		return stats.Client{}, errWrongKey
	}
	if err != nil {
		return stats.Client{}, fmt.Errorf("authenticate: %w", err)
	}
	if !client.IsActive {
		return stats.Client{}, errInactive
	}
	return client, nil
}
