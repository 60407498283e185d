package peer

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// sendBuffer is how much of a request the system may take off our hands before
// the peer has it. It bounds what is still on its way when all has been handed
// over, and so how slow a line may be: the timeout has to be enough for that.
const sendBuffer = 128 << 10

// dial connects as http.DefaultTransport does, with a small buffer.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it, slow lines need longer timeouts
	}
	return conn, err
}

// progress puts a timer off as long as a request is being sent.
type progress struct {
	timeout time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil: the request is answered
}

// watch returns the request with a body that tells when it is read.
func (p *progress) watch(request *http.Request) *http.Request {
	if request.Body == nil || request.Body == http.NoBody {
		return request
	}
	request.Body = &sentBody{request.Body, p}
	if again := request.GetBody; again != nil {
		request.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &sentBody{body, p}, err
		}
	}
	return request
}

// moved puts the timer off.
func (p *progress) moved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Reset(p.timeout)
	}
}

// stop stops the timer, which the rest of a request that is answered early must
// not start again.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.timer = nil
}

// sentBody is the body of a request.
type sentBody struct {
	io.ReadCloser
	progress *progress
}

func (b *sentBody) Read(part []byte) (int, error) {
	b.progress.moved()
	return b.ReadCloser.Read(part)
}
