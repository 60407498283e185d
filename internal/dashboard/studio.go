package dashboard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/internal/picture"
)

const (
	// mostWaiting is how many callers may wait for a place; those after them are
	// told to come back.
	mostWaiting = 32
	busySeconds = 5
	// Pictures that many pages embed are asked for again and again; those that are
	// small enough are kept.
	mostPictures   = 64
	largestPicture = 256 << 10
)

// errBusy tells that too many pictures are asked for.
var errBusy = errors.New("too many pictures are being drawn")

// studio draws pictures, only so many at a time that the rest of the service has
// processors and memory left, and keeps the last ones.
type studio struct {
	places *semaphore.Weighted

	mu      sync.Mutex
	waiting int
	kept    *simplelru.LRU[string, []byte] // by entity tag
}

func newStudio() *studio {
	kept, err := simplelru.NewLRU[string, []byte](mostPictures, nil)
	if err != nil {
		panic(fmt.Sprintf("keep %d pictures: %v", mostPictures, err)) // a constant
	}
	return &studio{places: semaphore.NewWeighted(int64(max(1, runtime.GOMAXPROCS(0)/2))), kept: kept}
}

// draw returns the picture that a tag names. The error is errBusy, that of ctx,
// or that of drawing.
func (s *studio) draw(ctx context.Context, tag string, wanted picture.Picture) ([]byte, error) {
	if drawn, found := s.find(tag); found {
		return drawn, nil
	}
	if !s.queue() {
		return nil, errBusy
	}
	err := s.places.Acquire(ctx, 1)
	s.unqueue()
	if err != nil {
		return nil, err
	}
	defer s.places.Release(1)
	if drawn, found := s.find(tag); found { // by the one before
		return drawn, nil
	}
	drawn, err := wanted.PNG(ctx)
	if err == nil {
		s.keep(tag, drawn)
	}
	return drawn, err
}

func (s *studio) find(tag string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept.Get(tag)
}

func (s *studio) keep(tag string, drawn []byte) {
	if len(drawn) > largestPicture {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.Add(tag, drawn)
}

func (s *studio) queue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= mostWaiting {
		return false
	}
	s.waiting++
	return true
}

func (s *studio) unqueue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
}
