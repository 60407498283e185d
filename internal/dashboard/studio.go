package dashboard

import (
	"context"
	"errors"
	"runtime"

	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/internal/picture"
)

const (
	// mostWaiting is how many pictures may wait for a place; those after them are
	// refused, and their callers told to come back.
	mostWaiting = 32
	busySeconds = 5
)

// errBusy tells that too many pictures are asked for.
var errBusy = errors.New("too many pictures are being drawn")

// studio draws pictures, only so many at a time that the rest of the service has
// processors and memory left.
type studio struct {
	queue  *semaphore.Weighted // being drawn, or waiting for that
	places *semaphore.Weighted
}

func newStudio() studio {
	places := int64(max(1, runtime.GOMAXPROCS(0)/2))
	return studio{queue: semaphore.NewWeighted(places + mostWaiting), places: semaphore.NewWeighted(places)}
}

// draw returns a picture as PNG. The error is errBusy, that of ctx, or that of
// drawing.
func (s studio) draw(ctx context.Context, wanted picture.Picture) ([]byte, error) {
	if !s.queue.TryAcquire(1) {
		return nil, errBusy
	}
	defer s.queue.Release(1)
	if err := s.places.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.places.Release(1)
	return wanted.PNG(ctx)
}
