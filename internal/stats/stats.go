// SPDX-License-Identifier: AGPL-3.0-or-later

// Package stats is the domain: what a statistic is, what makes one valid, who may
// access it, and which errors there are. It depends on no database, no HTTP and no
// clock.
package stats

import (
	"time"

	"github.com/google/uuid"
	"github.com/quagmt/udecimal"
)

// Stat is one statistic of one risk analysis on one day.
type Stat struct {
	UUID uuid.UUID // uuid.Nil: DerivedUUID will be used
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

// Filter selects stats. A zero field does not filter.
type Filter struct {
	Type           Type
	ANRs           []uuid.UUID // empty: all analyses
	OfClient       int64       // only stats of this client; 0: of all
	DateFrom       time.Time   // included
	DateTo         time.Time   // included
	LocalStatsOnly bool        // only stats of local clients
}

// Page is a position in a list.
type Page struct {
	Offset int64
	Limit  int64 // 0: no limit
}
