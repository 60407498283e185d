// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import "time"

const (
	// chunkLimit is how long a caller may take to receive a chunk of a list.
	chunkLimit = 20 * time.Second
	// minRate is how many bytes of a list per second a caller must read on average,
	// once it has taken longer than slack. Each running list holds a database
	// connection.
	minRate = 32 << 10
	slack   = 20 * time.Second
)

// pace checks that a caller reads a list fast enough. It counts the time spent sending,
// not the time spent waiting for the database.
type pace struct {
	now     func() time.Time
	sent    int64
	waited  time.Duration
	started time.Time // when the current chunk was begun
}

// begin returns the deadline for sending the next chunk.
func (p *pace) begin() (deadline time.Time) {
	p.started = p.now()
	earned := time.Duration(float64(p.sent) / minRate * float64(time.Second))
	return p.started.Add(min(chunkLimit, slack+earned-p.waited))
}

// end records that a chunk was sent.
func (p *pace) end(size int) {
	p.waited += p.now().Sub(p.started)
	p.sent += int64(size)
}
