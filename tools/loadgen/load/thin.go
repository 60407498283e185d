// SPDX-License-Identifier: AGPL-3.0-or-later

package load

import (
	"encoding/json"

	"github.com/monarc-project/stats-service/internal/stats"
)

// object is a threat or a vulnerability.
type object struct {
	UUID        string          `json:"uuid"`
	Label1      json.RawMessage `json:"label1,omitempty"`
	Label2      json.RawMessage `json:"label2,omitempty"`
	Label3      json.RawMessage `json:"label3,omitempty"`
	Label4      json.RawMessage `json:"label4,omitempty"`
	Count       json.RawMessage `json:"count"`
	MaxRisk     json.RawMessage `json:"maxRisk"`
	AverageRate json.RawMessage `json:"averageRate"`
}

// referential is an element of compliance, its categories without controls.
type referential struct {
	Referential string     `json:"referential"`
	Label2      string     `json:"label2"`
	Current     []category `json:"current"`
	Target      []category `json:"target"`
}

type category struct {
	Label2 string          `json:"label2"`
	Value  json.RawMessage `json:"value"`
}

// thin returns only the data that results are computed from. Numbers keep their notation.
func thin(p payload, objects int, labels bool) ([]byte, error) {
	switch p.kind {
	case stats.Threat, stats.Vulnerability:
		return thinObjects(p.data, objects, labels)
	case stats.Compliance:
		var referentials []referential
		return rewrite(p.data, &referentials)
	default:
		return p.data, nil
	}
}

func thinObjects(data []byte, most int, labels bool) ([]byte, error) {
	var list []object
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	if most > 0 {
		list = list[:min(most, len(list))]
	}
	if !labels {
		for i := range list {
			o := &list[i]
			o.Label1, o.Label2, o.Label3, o.Label4 = nil, nil, nil, nil
		}
	}
	return json.Marshal(list)
}

// rewrite reduces data to the members that shape has.
func rewrite(data []byte, shape any) ([]byte, error) {
	if err := json.Unmarshal(data, shape); err != nil {
		return nil, err
	}
	return json.Marshal(shape)
}
