package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"
)

const (
	// largeBody is the size from which on bodies wait for each other.
	largeBody = 1 << 20
	// bodiesAtOnce is how many of the largest accepted bodies are taken in at a
	// time. A batch takes up to four times its size until it is stored.
	bodiesAtOnce = 2
	// gatePatience is how long a large body waits for others.
	gatePatience = 10 * time.Second
)

// gate bounds the memory of the large bodies that are being taken in.
type gate struct {
	largest  int64
	patience time.Duration
	room     *semaphore.Weighted // bytes
}

func newGate(maxBodyBytes int64, patience time.Duration) *gate {
	return &gate{largest: maxBodyBytes, patience: patience, room: semaphore.NewWeighted(bodiesAtOnce * maxBodyBytes)}
}

// admit makes a large body wait until there is room for it. One whose length is
// not known counts as the largest.
func (g *gate) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		size := r.ContentLength
		if size < 0 {
			size = g.largest
		}
		if size < largeBody || size > g.largest {
			return next(c) // which refuses what is larger
		}
		if err := g.enter(r.Context(), size); err != nil {
			return err
		}
		defer g.room.Release(size)
		return next(c)
	}
}

// enter takes room for size bytes. Errors are errCrowded and that of ctx.
func (g *gate) enter(ctx context.Context, size int64) error {
	limited, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	err := g.room.Acquire(limited, size)
	if err != nil && ctx.Err() == nil {
		return errCrowded
	}
	return err
}
