// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ClockTolerance is how far the clock of a peer may be off before it matters.
const ClockTolerance = time.Minute

// maxAnswer bounds the body in which a peer describes itself or the token.
const maxAnswer = 64 << 10

// Report is the result of Test.
type Report struct {
	Server  string `json:"server"`            // in canonical form
	Version string `json:"version,omitempty"` // of the peer; empty if unknown
	Client  string `json:"client"`            // name of the client that the token belongs to
	Role    string `json:"role"`              // of that client, user or admin
	Sharing *bool  `json:"is_sharing_enabled,omitempty"`
	// Latency is how long the peer took to answer.
	Latency time.Duration `json:"-"`
	// ClockKnown reports whether the peer sends its time. ClockAhead is how far its
	// clock is ahead of this one (negative: behind), to about a second.
	ClockKnown bool          `json:"clock_known"`
	ClockAhead time.Duration `json:"-"`
	// ClockRight reports whether ClockAhead is within ClockTolerance.
	ClockRight bool `json:"clock_right"`
}

// Test reports whether the peer answers, which client the token belongs to and
// whether the peer's clock agrees with this one. It does not retry, and changes
// nothing on either side. Beside an error, the report has what was found before.
func Test(ctx context.Context, remote Remote) (Report, error) {
	l, err := connect(remote)
	if err != nil {
		return Report{}, err
	}
	defer l.close()
	report := Report{Server: l.server}
	if report.Version, err = l.version(ctx); err != nil {
		return report, err
	}
	return report, l.identify(ctx, &report)
}

// identify asks the peer whose token it is.
func (l *link) identify(ctx context.Context, report *Report) error {
	asked := l.Now()
	found, header, err := l.askAccount(ctx)
	report.Latency = l.Now().Sub(asked)
	report.setClock(header, asked.Add(report.Latency/2))
	report.Client, report.Role, report.Sharing = found.name, found.role, found.sharing
	return err
}

// setClock reads the Date of an answer, which has no fractions of a second.
func (r *Report) setClock(header http.Header, now time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	r.ClockKnown = true
	r.ClockAhead = date.Add(time.Second / 2).Sub(now).Truncate(time.Second)
	r.ClockRight = r.ClockAhead.Abs() <= ClockTolerance
}

// version returns the release of the peer, empty if it does not say.
func (l *link) version(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.server+"/about.json", nil)
	if err != nil {
		return "", fmt.Errorf("ask the peer for its version: %w", err)
	}
	response, err := l.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var about struct {
		Version string `json:"version"`
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(body, &about) != nil {
		return "", nil
	}
	return printable(about.Version), nil
}
