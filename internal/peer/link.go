package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	integrators "github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/gen/client"
)

const (
	// attempts is how often a request is made before it counts as failed.
	attempts = 6
	// baseDelay is the pause after the first attempt; it doubles up to maxDelay.
	baseDelay = 500 * time.Millisecond
	maxDelay  = 30 * time.Second
	// tenth is how precisely pauses are told.
	tenth = 100 * time.Millisecond

	userAgent = "monarc-stats-service"
)

// link is the way to one peer.
type link struct {
	Remote
	server string // the address in its one form
	api    *client.ClientWithResponses
	http   *http.Client
	bytes  atomic.Int64 // of all bodies so far, both ways

	refusals int // that were to be logged
}

var _ client.HttpRequestDoer = (*link)(nil)

// connect prepares the way to a peer; nothing is sent yet.
func connect(r Remote) (*link, error) {
	server, err := normalize(r.Server)
	if err != nil {
		return nil, err
	}
	if r.Token == "" {
		return nil, errors.New("there is no token for the peer: give one, or set REMOTE_STATS_TOKEN")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = dial
	l := &link{Remote: r.withDefaults(), server: server, http: &http.Client{
		Transport: transport,
		// A redirected POST arrives as a GET without its body, and at a stranger.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if _, err := integrators.New(server, r.Token); err != nil {
		return nil, err // about the token
	}
	l.api, err = client.NewClientWithResponses(server+"/api/v1", client.WithHTTPClient(l),
		client.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("X-API-KEY", l.Token)
			return nil
		}))
	return l, err
}

func (l *link) close() {
	if more := l.refusals - MaxRefusals; more > 0 {
		l.Log.Error("more stats were refused than are named here", "more", more)
	}
	l.http.CloseIdleConnections()
}

// logRefusal names a stats that is refused, unless too many were named before.
func (l *link) logRefusal(message string, attrs ...any) {
	if l.refusals++; l.refusals <= MaxRefusals {
		l.Log.Error(message, attrs...)
	}
}

// Do sends a request. It gives up when nothing moves for too long, neither the
// request nor, also while its body is read, the answer. Its errors are *failure,
// or those of the request's context.
func (l *link) Do(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	timer := time.AfterFunc(l.Timeout, func() { cancel(errSilent) })
	sending := &progress{timer: timer, timeout: l.Timeout}
	request = sending.watch(request.WithContext(ctx))
	request.Header.Set("User-Agent", userAgent)
	l.bytes.Add(max(0, request.ContentLength))
	response, err := l.http.Do(request)
	sending.stop()
	body := &watchedBody{link: l, ctx: ctx, cancel: cancel, timer: timer}
	if err != nil {
		defer cancel(nil)
		return nil, body.explain(err)
	}
	body.ReadCloser = response.Body
	response.Body = body
	return response, nil
}

// watchedBody is the body of an answer: counted, and given up when it stalls.
type watchedBody struct {
	io.ReadCloser
	link   *link
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer // ends ctx
}

// Read reads on; its errors are those of link.Do, and io.EOF.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.link.Timeout)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	b.link.bytes.Add(int64(n))
	if err != nil && err != io.EOF {
		err = b.explain(err)
	}
	return n, err
}

// Close ends the request, however much of its answer has been read.
func (b *watchedBody) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// explain tells whether the caller, the clock or the connection ended it.
func (b *watchedBody) explain(err error) error {
	if errors.Is(context.Cause(b.ctx), errSilent) {
		return b.link.lost(errSilent)
	}
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	return b.link.lost(err)
}

// retry makes a request up to so many times as a failure that may pass allows.
// allowed says how often for a given failure. When ctx ends, nothing is tried
// again, and the error is that of ctx.
func (l *link) retry(ctx context.Context, allowed func(*failure) int, call func() error) error {
	for attempt := 1; ; attempt++ {
		err := call()
		failed, ok := errors.AsType[*failure](err)
		if !ok || !failed.transient() || attempt >= allowed(failed) {
			return err
		}
		wait := max(l.delay(attempt), failed.after)
		l.Log.Warn("a request to the peer failed and is tried again",
			"cause", err.Error(), "attempt", attempt, "wait", wait.Round(tenth).String())
		if err := l.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// always allows the usual number of attempts.
func always(*failure) int { return attempts }

// delay is the pause after an attempt: exponential, the upper half at random.
func (l *link) delay(attempt int) time.Duration {
	full := min(baseDelay<<(attempt-1), maxDelay)
	return full/2 + time.Duration(l.Rand()*float64(full/2))
}
