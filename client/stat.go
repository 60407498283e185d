// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"
)

// Type is the type of a stat, which determines the shape of its data.
type Type string

// The types of stats that a MONARC front office sends.
const (
	TypeRisk          Type = "risk"
	TypeThreat        Type = "threat"
	TypeVulnerability Type = "vulnerability"
	TypeCartography   Type = "cartography"
	TypeCompliance    Type = "compliance"
)

// Date is a day, written YYYY-MM-DD. The zero Date means none.
type Date = types.Date

// Day returns the day of t in its location.
func Day(t time.Time) Date {
	year, month, day := t.Date()
	return Date{Time: time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// Stat is one record: what an analysis looked like on a day.
type Stat struct {
	UUID uuid.UUID       `json:"uuid,omitzero"` // zero in Post: the service generates one
	ANR  uuid.UUID       `json:"anr"`           // the analysis
	Type Type            `json:"type"`
	Date Date            `json:"date"`
	Data json.RawMessage `json:"data"` // as it was sent; see Decode
}

// Data is the typed data of a stat, one of package data: Risk, Threats,
// Vulnerabilities, Cartography or Compliance.
type Data interface {
	// StatType returns the type of stats with this data.
	StatType() string
}

// NewStat returns the stat of an analysis on a day.
func NewStat(anr uuid.UUID, date Date, data Data) (Stat, error) {
	encoded, err := json.Marshal(data)
	if err != nil {
		return Stat{}, fmt.Errorf("encode %s data of analysis %s: %w", data.StatType(), anr, err)
	}
	return Stat{ANR: anr, Type: Type(data.StatType()), Date: date, Data: encoded}, nil
}

// Decode returns the data of a stat as D, which must match the stat's type. Members
// that D lacks are only in Stat.Data.
func Decode[D Data](s Stat) (D, error) {
	var data D
	if want := Type(data.StatType()); s.Type != want {
		return data, fmt.Errorf("stat %s is of type %q, not %q", s.UUID, s.Type, want)
	}
	if err := json.Unmarshal(s.Data, &data); err != nil {
		return data, fmt.Errorf("decode %s data of stat %s: %w", s.Type, s.UUID, err)
	}
	return data, nil
}
