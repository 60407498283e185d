// SPDX-License-Identifier: AGPL-3.0-or-later

// Package stats is the domain: what a statistic is, what makes one valid, who
// may touch it and what can go wrong. It knows no database, no HTTP and no
// clock; adapters know it.
package stats

import (
	"time"

	"github.com/google/uuid"
	"github.com/quagmt/udecimal"
)

// Stat is one statistic of one risk analysis on one day.
type Stat struct {
	UUID uuid.UUID // uuid.Nil: not known yet, the store derives it
	ANR  uuid.UUID // the risk analysis
	Type Type
	Date time.Time // midnight UTC
	Data []byte    // a JSON object or array

	ClientID  int64
	CreatedAt time.Time
}

// Observation is one measured value (or, for threats and vulnerabilities,
// three) of a stat. See processor.DailySum for the meaning of Values.
type Observation struct {
	Key    Key
	Labels Labels
	Values [3]udecimal.Decimal
}

// Filter says which stats are asked for. A zero field does not filter.
type Filter struct {
	Type           Type
	ANRs           []uuid.UUID // empty: every analysis
	OfClient       int64       // only the stats of this client; 0: of all
	DateFrom       time.Time   // included
	DateTo         time.Time   // included
	LocalStatsOnly bool        // only stats of clients that are local
}

// Page is a position in a list.
type Page struct {
	Offset int64
	Limit  int64 // 0: no limit
}
