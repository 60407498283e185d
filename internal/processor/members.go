// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Members is a JSON object that keeps the order of its members. Its names must be
// distinct.
type Members[V any] []Member[V]

// Member is a name and its value in Members.
type Member[V any] struct {
	Name  string
	Value V
}

// MarshalJSONTo writes the object member by member.
func (m Members[V]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for i := range m {
		if err := enc.WriteToken(jsontext.String(m[i].Name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(enc, &m[i].Value); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

// MarshalJSON serves encoding/json.
func (m Members[V]) MarshalJSON() ([]byte, error) { return json.Marshal(m) }

// LabelSet is how Labels appear in results: always all four members.
type LabelSet struct {
	Label1 string `json:"label1"`
	Label2 string `json:"label2"`
	Label3 string `json:"label3"`
	Label4 string `json:"label4"`
}

func labelSet(l stats.Labels) LabelSet { return LabelSet{l[0], l[1], l[2], l[3]} }
