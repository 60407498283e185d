// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// request is a GET that is sent repeatedly.
type request struct {
	path     string // with the query string
	key      string // API key; none when empty
	body     string // JSON; none when empty
	encoding string // Accept-Encoding; none when empty
	etag     string // If-None-Match; none when empty
}

// raw returns the request as it goes over the wire. It is encoded once: on a machine with
// two cores, a full HTTP client would take too much processor time.
func (q request) raw() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: bench\r\n", q.path)
	for _, header := range []struct{ name, value string }{
		{"X-API-KEY", q.key}, {"Accept-Encoding", q.encoding}, {"If-None-Match", q.etag},
	} {
		if header.value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", header.name, header.value)
		}
	}
	if q.body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(q.body))
	}
	b.WriteString("\r\n" + q.body)
	return []byte(b.String())
}

// received is the answer to one request.
type received struct {
	status   int
	bytes    int64 // of the body as it was sent
	etag     string
	encoding string
}

// caller sends requests over one persistent connection.
type caller struct {
	conn   net.Conn
	reader *bufio.Reader
}

// dial connects to an instance by its base URL; the connection ends with ctx.
func dial(ctx context.Context, base string) (*caller, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return &caller{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// ask sends a request and reads the whole answer, whose body goes to sink.
func (c *caller) ask(raw []byte, sink io.Writer) (received, error) {
	if _, err := c.conn.Write(raw); err != nil {
		return received{}, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return received{}, err
	}
	defer response.Body.Close()
	n, err := io.Copy(sink, response.Body)
	return received{
		status: response.StatusCode, bytes: n,
		etag: response.Header.Get("ETag"), encoding: response.Header.Get("Content-Encoding"),
	}, err
}

// timing is how long consecutive answers took.
type timing struct {
	median, slowest time.Duration
	n               int
	last            received
}

// times sends up to n requests one after the other for the duration of spell, but at
// least one. Each must be answered with 200.
func times(ctx context.Context, base string, n int, spell time.Duration, ask func(i int) request) (timing, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := dial(ctx, base)
	if err != nil {
		return timing{}, err
	}
	var took []time.Duration
	var last received
	for began := time.Now(); len(took) == 0 || len(took) < n && time.Since(began) < spell; {
		raw := ask(len(took)).raw()
		started := time.Now()
		if last, err = c.ask(raw, io.Discard); err != nil {
			return timing{}, err
		}
		took = append(took, time.Since(started))
		if last.status != http.StatusOK {
			return timing{}, fmt.Errorf("GET %s was answered with status %d", ask(0).path, last.status)
		}
	}
	return timing{median: median(took), slowest: slices.Max(took), n: len(took), last: last}, nil
}

// median returns the median of at least one duration; for an even number, the lower one
// of the two in the middle.
func median(took []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[(len(sorted)-1)/2]
}

// rate returns how many answers with this status per second the connections get together,
// measured over the duration of spell.
func rate(ctx context.Context, base string, connections int, spell time.Duration, q request, status int) (float64, error) {
	counts := make([]int, connections)
	group, groupCtx := errgroup.WithContext(ctx)
	started := time.Now()
	for i := range counts {
		group.Go(func() (err error) {
			counts[i], err = count(groupCtx, base, spell, q.raw(), status)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("GET %s: %w", q.path, err)
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(started).Seconds(), nil
}

// count sends requests over one connection for the duration of spell, but at least one.
// It waits for the last answer and counts it.
func count(ctx context.Context, base string, spell time.Duration, raw []byte, status int) (int, error) {
	c, err := dial(ctx, base)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	n := 0
	for began := time.Now(); n == 0 || time.Since(began) < spell; n++ {
		got, err := c.ask(raw, io.Discard)
		if err != nil {
			return n, err
		}
		if got.status != status {
			return n, fmt.Errorf("answered with status %d, not %d", got.status, status)
		}
	}
	return n, nil
}
