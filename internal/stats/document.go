package stats

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Digest identifies the content of a document: the first 128 bits of the
// SHA-256 of its type and its canonical form. Documents that differ only in
// white space, in the order of members, in escapes or in how a number is
// written have the same digest.
type Digest [16]byte

// Fingerprint identifies the exact bytes that a document was sent as: the first
// 128 bits of the SHA-256 of its type and these bytes. Whoever knows the digest
// for a fingerprint need not read the bytes.
type Fingerprint [16]byte

// FingerprintOf returns the fingerprint of data, the JSON of a document.
func FingerprintOf(t Type, data []byte) Fingerprint {
	return Fingerprint(sumOf(t, data))
}

// sumOf hashes a type and bytes. No type contains NUL, so that the two cannot
// run into each other.
func sumOf(t Type, data []byte) [16]byte {
	hash := sha256.New()
	hash.Write([]byte(t))
	hash.Write([]byte{0})
	hash.Write(data)
	return [16]byte(hash.Sum(nil)[:16])
}

// Document is the content of stats: what an analysis says of itself, without a
// day. An analysis that does not change sends the same document every day.
type Document struct {
	Type         Type
	Data         []byte // a JSON object or array, as it was sent
	Digest       Digest
	Fingerprint  Fingerprint
	Observations []Observation // what Data measures
}

// DocumentKey names a document: the same content of two analyses is two documents.
type DocumentKey struct {
	ANR    uuid.UUID
	Digest Digest
}

// DerivedUUID returns the UUID (version 8) of a stat whose sender chose none. It
// depends on all that makes a repeated request the same: the client, the
// analysis, the day and the document (whose digest covers the type).
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
