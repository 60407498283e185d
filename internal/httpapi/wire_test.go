// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// spoil does to a request what no honest caller does.
func (m maker) spoil(r *generated) {
	add := func(name, value string) { r.headers = append(r.headers, [2]string{name, value}) }
	switch m.IntN(12) {
	case 0:
		r.method = pick(m, []string{"HEAD", "OPTIONS", "PUT", "TRACE", "PATCH", "POST", "DELETE", "CONNECT", "get", "GETT", "PROPFIND", "", "G T", strings.Repeat("M", 3_000)})
	case 1:
		r.proto = pick(m, []string{"HTTP/1.0", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "http/1.1", "", "HTTP/1.1 x"})
	case 2:
		r.target = pick(m, []string{
			"/" + r.target, strings.ReplaceAll(r.target, "/", "//"), "/./" + r.target, "/x/.." + r.target, strings.Replace(r.target, "/stats", "/%73tats", 1),
			strings.Replace(r.target, "/api", "%2fapi", 1), r.target + "%00", r.target + "/%2e%2e/", "http://evil.example" + r.target, "*", "", "é" + r.target,
			r.target + "#fragment", strings.ToUpper(r.target), r.target + ".json", r.target + strings.Repeat("/a", 1_000), "/%zz" + r.target, r.target + ";x=1",
		})
	case 3:
		junk := pick(m, []string{"%zz", "a=b;c=d", "anrs[0]=" + pick(m, m.ids), "anrs=" + strings.Repeat("a,", 3_000), "anr=" + pick(m, m.ids) + "&anr=" + pick(m, m.ids), "limit=5&limit=6",
			"=&=&=", "limit=%00", "type=risk%0d%0aX: y", strings.Repeat("a&", 2_000), "processor_params[risks_type]=x", "date_from=%ff"})
		separator := "?"
		if strings.Contains(r.target, "?") {
			separator = "&"
		}
		r.target += separator + junk
	case 4:
		add("X-API-KEY", pick(m, append([]string{"", " ", "x", "\x7f", "é", strings.Repeat("k", 5_000), "null"}, r.caller.token, r.caller.token+" ", strings.ToUpper(r.caller.token))))
	case 5:
		add(pick(m, []string{"Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "X-Fields", "Range", "If-Modified-Since", "X-Request-Id", "Cookie", "Authorization", "User-Agent", "Referer", "Origin", "traceparent"}),
			pick(m, append([]string{"*/*;q=2", ";;;", "gzip;q=nan", `"`, `"a","b`, "bytes=0-1,2-3", "a\tb", strings.Repeat("gzip,", 800), strings.Repeat("é", 300)}, masks...)))
	case 6:
		add(pick(m, []string{"X-Forwarded-For", "X-Forwarded-Prefix", "X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Original-URL", "Forwarded", "Via", "Host", "Connection", "Upgrade", "TE", "Keep-Alive", "Proxy-Connection"}),
			pick(m, []string{"127.0.0.1", "/x", "evil.example", "https", "DELETE", "/admin", "for=1", "close", "upgrade", "h2c", "websocket", "trailers", "", "a, b", "[::1]:80", strings.Repeat("1.1.1.1, ", 300)}))
	case 7:
		add("Content-Type", pick(m, []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "json", ";", "application/json; charset", "application/vnd.api+json"}))
		add("Content-Encoding", pick(m, []string{"gzip", "identity", "br", ""}))
	case 8:
		r.framing = pick(m, []string{"one byte a chunk", "chunk extension", "bad chunk", "both lengths", "too long", "too short", "negative length", "two lengths", "trailer", "no end"})
	case 9:
		add("Expect", pick(m, []string{"100-continue", "100-Continue", "200-ok", ""}))
	case 10:
		for i := range pick(m, []int{50, 200}) {
			add(fmt.Sprintf("X-Filler-%d", i), strings.Repeat("f", 40))
		}
		if m.chance(30) {
			add("X-Large", strings.Repeat("l", 100_000))
		}
	case 11:
		add(pick(m, []string{"bad name", "X\x00", "", " Leading", "X-Folded", "é"}), pick(m, []string{"a\r\n b", "a\x00b", "\r", "a\r\nX-API-KEY: x", "ok"}))
	}
}

// bytes is the request as it goes over the wire.
func (r generated) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\nHost: 127.0.0.1\r\n", r.method, r.target, r.proto)
	if r.caller.token != "" {
		fmt.Fprintf(&b, "X-API-KEY: %s\r\n", r.caller.token)
	}
	for _, h := range r.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	length := func(n int) { fmt.Fprintf(&b, "Content-Length: %d\r\n", n) }
	chunked := func(size int, extension, end string) {
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := r.body; len(rest) > 0; {
			n := min(size, len(rest))
			fmt.Fprintf(&b, "%x%s\r\n%s\r\n", n, extension, rest[:n])
			rest = rest[n:]
		}
		b.WriteString(end)
	}
	switch r.framing {
	case "chunked":
		chunked(512, "", "0\r\n\r\n")
	case "one byte a chunk":
		chunked(max(1, len(r.body)/2_000), "", "0\r\n\r\n")
	case "chunk extension":
		chunked(100, ";x=\"y\"", "0\r\n\r\n")
	case "trailer":
		chunked(100, "", "0\r\nX-API-KEY: x\r\n\r\n")
	case "bad chunk":
		b.WriteString("Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n")
	case "no end":
		chunked(100, "", "5\r\nab")
	case "both lengths":
		length(len(r.body))
		chunked(100, "", "0\r\n\r\n")
	case "too long":
		length(len(r.body) + 10)
		fmt.Fprintf(&b, "\r\n%s", r.body)
	case "too short":
		length(len(r.body) / 2)
		fmt.Fprintf(&b, "\r\n%s", r.body)
	case "negative length":
		length(-1)
		fmt.Fprintf(&b, "\r\n%s", r.body)
	case "two lengths":
		length(len(r.body))
		length(len(r.body) + 1)
		fmt.Fprintf(&b, "\r\n%s", r.body)
	default:
		if len(r.body) > 0 || r.method != "GET" {
			length(len(r.body))
		}
		fmt.Fprintf(&b, "\r\n%s", r.body)
	}
	return b.Bytes()
}

// endsEarly reports whether the end of the connection is the end of the body.
func (r generated) endsEarly() bool { return r.framing == "too long" || r.framing == "no end" }

// connection sends generated requests, over a new connection where the last one has
// come to its end.
type connection struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

// answerTimeout is how long an answer may take before the request counts as one that hangs.
const answerTimeout = 30 * time.Second

// received is an answer, or the end of the connection without one.
type received struct {
	status int
	header http.Header
	body   []byte
	closed bool // without an answer
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is lost
	}
	c.conn = nil
}

// send returns the answer. The error is about an answer that is none, or takes too long.
func (c *connection) send(r generated) (received, error) {
	fresh := c.conn == nil
	if fresh {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			return received{}, err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return received{}, err
	}
	_, _ = c.conn.Write(r.bytes()) // the answer may come before all is sent
	last := r.kind == hostile      // where its body ends, the server may see it in another way
	if r.endsEarly() {
		_ = c.conn.(*net.TCPConn).CloseWrite()
	}
	got, err := c.read(r.method)
	if err != nil && !fresh && got.closed {
		c.close() // the server may have closed it just before
		return c.send(r)
	}
	if last || err != nil || got.closed {
		c.close()
	}
	if got.closed && last {
		return got, nil
	}
	return got, err
}

func isTimeout(err error) bool {
	timeout, isNet := errors.AsType[net.Error](err)
	return isNet && timeout.Timeout()
}

// read reads an answer to its end, after those that only say to go on.
func (c *connection) read(method string) (received, error) {
	for {
		response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
		if err != nil {
			return received{closed: !isTimeout(err)}, fmt.Errorf("no answer: %w", err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return received{closed: !isTimeout(err)}, fmt.Errorf("the body of an answer %d: %w", response.StatusCode, err)
		}
		if response.StatusCode == http.StatusContinue {
			continue
		}
		if response.Close {
			defer c.close()
		}
		return received{status: response.StatusCode, header: response.Header, body: body}, nil
	}
}
