// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Digest identifies the content of a document: the first 128 bits of the
// SHA-256 of its type and its canonical form. Documents that differ only in white
// space, the order of members, escapes or the notation of numbers have the same
// digest.
type Digest [16]byte

// Fingerprint identifies the exact bytes of a document: the first 128 bits of the
// SHA-256 of its type and these bytes. If the digest for a fingerprint is known, the
// bytes need not be parsed.
type Fingerprint [16]byte

// Document is the content of stats without a day. An analysis that does not change
// sends the same document every day.
type Document struct {
	Type         Type
	Data         []byte // a JSON object or array, as it was sent
	Digest       Digest
	Fingerprint  Fingerprint
	Observations []Observation // what Data measures, with distinct keys
}

// DocumentKey identifies a stored document. Equal content of two analyses makes two
// documents.
type DocumentKey struct {
	ANR    uuid.UUID
	Digest Digest
}

// ReadDocument parses, validates, measures and identifies data, the JSON of a stat of
// type t, in one pass. Data without measured values has no observations.
//
// Numbers may be strings, and empty maps may be lists, as PHP writes them. Unknown
// members are allowed, since data is documented as dynamic; they must be storable.
//
// Errors are *InvalidError. Their field is the path of the first problem, such as
// data.3.averageRate or data.risks.current.informational.0.level.
func ReadDocument(t Type, data []byte) (Document, error) {
	digest, observations, err := readDocument(t, data, nil)
	if err != nil {
		return Document{}, err
	}
	return Document{Type: t, Data: data, Digest: digest, Fingerprint: FingerprintOf(t, data), Observations: observations}, nil
}

// readDocument implements ReadDocument without the fields that need no parsing. It calls
// yield, if not nil, at intervals, and returns its errors.
func readDocument(t Type, data []byte, yield func() error) (digest Digest, observations []Observation, err error) {
	read, known := readers[t]
	if !known {
		_, err := ParseType(string(t))
		return digest, nil, err
	}
	r := newReader(data)
	defer r.release()
	r.yield = yield
	if observations, err = read(r); err != nil {
		return digest, nil, err
	}
	if err := r.end(); err != nil {
		return digest, nil, err
	}
	return Digest(sumOf(t, r.canonical.out)), observations, nil
}

// readers read the documents of each type.
var readers = map[Type]func(*reader) ([]Observation, error){
	Risk:          (*reader).risk,
	Threat:        (*reader).objects,
	Vulnerability: (*reader).objects,
	Cartography:   (*reader).cartography,
	Compliance:    (*reader).compliance,
}

// DigestOf returns the digest of a document that may be invalid: an adopted database
// may hold some. Data that cannot be parsed is identified by its exact bytes.
func DigestOf(t Type, data []byte) Digest {
	r := newReader(data)
	defer r.release()
	if r.skip() != nil || r.end() != nil {
		return Digest(sumOf(t, data))
	}
	return Digest(sumOf(t, r.canonical.out))
}

// FingerprintOf returns the fingerprint of data, the JSON of a document.
func FingerprintOf(t Type, data []byte) Fingerprint { return Fingerprint(sumOf(t, data)) }

// hashBuffers save sumOf an allocation.
var hashBuffers = sync.Pool{New: func() any { return new([]byte) }}

// sumOf hashes a type and bytes with a NUL between them, which no type contains.
func sumOf(t Type, data []byte) (sum [16]byte) {
	hash := sha256.New()
	prefix := hashBuffers.Get().(*[]byte)
	*prefix = append(append((*prefix)[:0], t...), 0)
	hash.Write(*prefix)
	hash.Write(data)
	*prefix = hash.Sum((*prefix)[:0])
	copy(sum[:], *prefix)
	hashBuffers.Put(prefix)
	return sum
}

// DerivedUUID returns the UUID (version 8) of a stat whose sender chose none. A
// repeated request gets the same one: it depends on the client, the analysis, the day
// and the document (whose digest covers the type).
func DerivedUUID(client, anr uuid.UUID, date time.Time, digest Digest) uuid.UUID {
	hash := sha256.New()
	hash.Write(client[:])
	hash.Write(anr[:])
	hash.Write([]byte(date.Format(time.DateOnly)))
	hash.Write(digest[:])
	id := uuid.UUID(hash.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}
