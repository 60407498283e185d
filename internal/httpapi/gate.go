package httpapi

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/internal/metrics"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// largeBody is the size from which on bodies wait for each other.
	largeBody = 256 << 10
	// bodiesAtOnce is how many of the largest accepted bodies are taken in at a
	// time. A batch takes up to four times its size until it is stored.
	bodiesAtOnce = 2
	// itemCost is a quarter of what an item of a batch takes beside its text, which
	// itself is leastItem bytes long at least.
	itemCost, leastItem = 640, 90
	// gatePatience is how long a large body waits for others.
	gatePatience = 10 * time.Second
)

// gate bounds the memory of the large bodies that are being taken in.
type gate struct {
	largest  int64
	patience time.Duration
	room     *semaphore.Weighted // bytes
	metrics  *metrics.Metrics
}

func newGate(maxBodyBytes int64, patience time.Duration, counted *metrics.Metrics) *gate {
	return &gate{largest: maxBodyBytes, patience: patience, room: semaphore.NewWeighted(bodiesAtOnce * weight(maxBodyBytes)), metrics: counted}
}

// weight is the size of a body, and what the items that may be in it add to that.
func weight(size int64) int64 { return size + min(size/leastItem, stats.MaxItems)*itemCost }

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
		room := weight(size)
		if err := g.enter(r.Context(), room); err != nil {
			return err
		}
		defer g.room.Release(room)
		return next(c)
	}
}

// enter takes room of that weight. Errors are errCrowded and that of ctx.
func (g *gate) enter(ctx context.Context, room int64) error {
	limited, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	defer g.metrics.Waiting(metrics.Write)()
	err := g.room.Acquire(limited, room)
	if err != nil && ctx.Err() == nil {
		return errCrowded
	}
	return err
}
