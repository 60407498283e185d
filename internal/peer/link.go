// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/monarc-project/stats-service/client"
	generated "github.com/monarc-project/stats-service/gen/client"
)

const (
	// attempts bounds the attempts of a request.
	attempts = 6
	// attempts500 bounds the attempts of a request to which 500 may be the permanent
	// answer: a part of a batch, or an optional question.
	attempts500 = 2
	// tenth is the precision of logged pauses.
	tenth = 100 * time.Millisecond

	userAgent = "monarc-stats-service"
)

// link is a connection to one peer. It reads responses itself, not by the methods of
// the client, because other software may send anything.
type link struct {
	Remote
	server string // in canonical form
	client *client.Client
	api    *generated.ClientWithResponses
	bytes  atomic.Int64 // of all bodies so far, in both directions

	refusals int // number of refusals, including those that were not logged
}

var _ generated.HttpRequestDoer = (*link)(nil)

// connect prepares a link to a peer, and sends nothing.
func connect(r Remote) (*link, error) {
	server, err := normalize(r.Server)
	if err != nil {
		return nil, err
	}
	if r.Token == "" {
		return nil, errors.New("there is no token for the peer: give one, or set REMOTE_STATS_TOKEN")
	}
	l := &link{Remote: r.withDefaults(), server: server}
	l.client, err = client.New(server, r.Token, client.WithTimeout(l.Timeout), client.WithUserAgent(userAgent))
	if err != nil {
		return nil, err
	}
	l.api, err = generated.NewClientWithResponses(server+"/api/v1", generated.WithHTTPClient(l))
	return l, err
}

func (l *link) close() {
	if more := l.refusals - MaxRefusals; more > 0 {
		l.Log.Error("further stats were refused that the log does not name", "more", more)
	}
	l.client.Close()
}

// logRefusal logs a refused stat, up to MaxRefusals of them.
func (l *link) logRefusal(message string, attrs ...any) {
	if l.refusals++; l.refusals <= MaxRefusals {
		l.Log.Error(message, attrs...)
	}
}

// Do sends a request. Its errors, also those of reading the answer, are
// *peerError, or those of the request's context.
func (l *link) Do(request *http.Request) (*http.Response, error) {
	l.bytes.Add(max(0, request.ContentLength))
	response, err := l.client.Do(request)
	if err != nil {
		return nil, l.explain(err)
	}
	response.Body = &countedBody{response.Body, l}
	return response, nil
}

// countedBody is the body of a response, whose bytes are counted.
type countedBody struct {
	io.ReadCloser
	link *link
}

// Read implements io.Reader. Its errors are those of link.Do, and io.EOF.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.link.bytes.Add(int64(n))
	return n, b.link.explain(err)
}

// explain converts errors of the client to a *peerError.
func (l *link) explain(err error) error {
	if failed, ok := errors.AsType[*client.Error](err); ok {
		return l.lost(failed.Err)
	}
	return err
}

// retry repeats a request after transient failures. allowed returns the attempts for
// a failure. When ctx ends, retry returns the error of ctx.
func (l *link) retry(ctx context.Context, allowed func(*peerError) int, call func() error) error {
	var last error
	policy := client.Retry{
		Attempts: attempts, MaxRetryAfter: maxRetryAfter, Sleep: l.Sleep, Rand: l.Rand,
		Notify: func(_ *client.Error, attempt int, pause time.Duration) {
			l.Log.Warn("request to the peer failed; will retry",
				"cause", last.Error(), "attempt", attempt, "wait", pause.Round(tenth).String())
		},
	}
	attemptsFor := func(*client.Error) int {
		failed, _ := errors.AsType[*peerError](last)
		return allowed(failed)
	}
	return policy.Do(ctx, attemptsFor, func() error { last = call(); return last })
}

// always allows the usual number of attempts.
func always(*peerError) int { return attempts }

// limit500 allows fewer attempts where 500 may be the permanent answer.
func limit500(f *peerError) int {
	if f.status == http.StatusInternalServerError {
		return attempts500
	}
	return attempts
}
