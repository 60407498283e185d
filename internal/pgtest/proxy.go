// SPDX-License-Identifier: AGPL-3.0-or-later

package pgtest

import (
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy is a proxy between a program and a database, which can make the database
// unreachable, slow or silent.
type Proxy struct {
	URL string // of the database, through the proxy

	relay Relay

	delay atomic.Int64 // nanoseconds by which each chunk is delayed
	left  atomic.Int64 // bytes that the database may still send

	mu   sync.Mutex
	open map[net.Conn]*atomic.Bool // open connections, and whether they are silent
	mode mode
}

// unlimited is more than any test reads.
const unlimited = 1 << 40

// mode is what a Proxy does with connections.
type mode int

const (
	passing mode = iota
	refusing
	holding // it accepts connections and data, and passes nothing on
)

// Relay is a listener from which connections can be passed on to a database.
type Relay struct {
	net.Listener
	URL  string // of the database, through the relay
	Dial func() (net.Conn, error)
}

// NewRelay returns a Relay for the database of a URL that New or Empty returned.
func NewRelay(tb testing.TB, database string) Relay {
	tb.Helper()
	address, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	config, err := pgconn.ParseConfig(database)
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "proxy") // the paths of sockets are short, tb.TempDir is not
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen(pgconn.NetworkAddress(dir, config.Port))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { listener.Close() })
	query := address.Query()
	query.Set("host", dir)
	query.Set("port", strconv.Itoa(int(config.Port)))
	address.Host, address.RawQuery = "", query.Encode()
	network, target := pgconn.NetworkAddress(config.Host, config.Port)
	return Relay{listener, address.String(), func() (net.Conn, error) { return net.Dial(network, target) }}
}

// NewProxy returns a Proxy for the database of a URL that New or Empty returned.
func NewProxy(tb testing.TB, database string) *Proxy {
	tb.Helper()
	p := Serve(NewRelay(tb, database))
	tb.Cleanup(p.Close)
	return p
}

// Serve returns a Proxy that passes on the connections of the relay until Close.
func Serve(relay Relay) *Proxy {
	p := &Proxy{URL: relay.URL, relay: relay, open: map[net.Conn]*atomic.Bool{}}
	p.left.Store(unlimited)
	go p.serve()
	return p
}

// Close ends all connections and accepts no more.
func (p *Proxy) Close() { p.relay.Close(); p.Cut() }

// Pass passes connections on, as a new Proxy does.
func (p *Proxy) Pass() { p.left.Store(unlimited); p.change(passing) }

// Limit ends connections once the database has sent this many more bytes, until Pass.
func (p *Proxy) Limit(bytes int64) { p.left.Store(bytes) }

// Cut ends all connections and refuses new ones.
func (p *Proxy) Cut() { p.change(refusing) }

// Hold ends all connections; it accepts new ones and never answers them.
func (p *Proxy) Hold() { p.change(holding) }

// Stall drops all further data on all connections without ending them, and accepts new
// ones without an answer, as a network does that drops packets.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = holding
	for _, silent := range p.open {
		silent.Store(true)
	}
}

// Resume passes new connections on. Those from before stay silent.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = passing
}

// Delay delays each chunk of data by this time, in both directions.
func (p *Proxy) Delay(by time.Duration) { p.delay.Store(int64(by)) }

func (p *Proxy) change(to mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = to
	for conn := range p.open {
		conn.Close()
	}
	clear(p.open)
}

func (p *Proxy) serve() {
	for {
		near, err := p.relay.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		mode, silent := p.mode, new(atomic.Bool)
		if mode != refusing {
			p.open[near] = silent
		}
		p.mu.Unlock()
		switch mode {
		case refusing:
			near.Close()
		case holding:
			go func() { _, _ = io.Copy(io.Discard, near) }()
		case passing:
			go p.pass(near, silent)
		}
	}
}

func (p *Proxy) pass(near net.Conn, silent *atomic.Bool) {
	defer near.Close()
	far, err := p.relay.Dial()
	if err != nil {
		return
	}
	defer far.Close()
	go func() { _, _ = io.Copy(leg{far, silent, &p.delay}, near); far.Close() }()
	_, _ = io.Copy(leg{near, silent, &p.delay}, limited{far, &p.left})
}

// limited reads until nothing is left.
type limited struct {
	io.Reader
	left *atomic.Int64
}

func (l limited) Read(p []byte) (int, error) {
	if l.left.Load() <= 0 {
		return 0, io.EOF
	}
	n, err := l.Reader.Read(p[:min(len(p), 16<<10)])
	l.left.Add(-int64(n))
	return n, err
}

// leg writes to one end after a delay, and drops what is written once it is silent.
type leg struct {
	io.Writer
	silent *atomic.Bool
	delay  *atomic.Int64
}

func (l leg) Write(p []byte) (int, error) {
	if by := l.delay.Load(); by > 0 {
		time.Sleep(time.Duration(by))
	}
	if l.silent.Load() {
		return len(p), nil
	}
	return l.Writer.Write(p)
}
