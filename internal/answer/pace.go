// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import "time"

const (
	// pieceLimit is how long a caller may take for a piece of a list.
	pieceLimit = 20 * time.Second
	// leastRate is how many bytes of a list a caller has to read in a second, on
	// average, once it has taken longer than slack. Each list that is under way
	// keeps a connection of the database from others.
	leastRate = 32 << 10
	slack     = 20 * time.Second
)

// pace reports whether a caller reads a list fast enough. Only the time that it
// takes to send counts, not that in which the database is waited for.
type pace struct {
	now     func() time.Time
	sent    int64
	waited  time.Duration
	started time.Time // of the piece that is being sent
}

// begin returns until when the next piece must have been sent.
func (p *pace) begin() (deadline time.Time) {
	p.started = p.now()
	earned := time.Duration(float64(p.sent) / leastRate * float64(time.Second))
	return p.started.Add(min(pieceLimit, slack+earned-p.waited))
}

// end notes that a piece was sent.
func (p *pace) end(size int) {
	p.waited += p.now().Sub(p.started)
	p.sent += int64(size)
}
