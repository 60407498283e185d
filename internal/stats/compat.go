package stats

import "github.com/google/uuid"

// Observations returns what data, the JSON of a stat of type t, measures.
func Observations(t Type, data []byte) ([]Observation, error) {
	document, err := ReadDocument(t, data)
	return document.Observations, err
}

// ContentID returns a UUID of the content of s as sent by client.
func ContentID(client uuid.UUID, s Stat) (uuid.UUID, error) {
	return DerivedUUID(client, s.ANR, s.Date, DigestOf(s.Type, s.Data)), nil
}

// Canonical returns the form that JSON of equal content has in common.
func Canonical(data []byte) ([]byte, error) {
	r := newReader(data)
	defer r.release()
	if err := r.skip(); err != nil {
		return nil, err
	}
	return append([]byte(nil), r.canonical.out...), r.end()
}
