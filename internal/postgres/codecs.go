// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuidCodec sends UUIDs as sixteen bytes. The driver by itself treats them as values of
// database/sql: it formats each UUID and parses the text again, which took a quarter of
// the memory of a batch of small stats.
type uuidCodec struct{ pgtype.UUIDCodec }

// registerCodecs registers the codecs of this file with a connection.
func registerCodecs(types *pgtype.Map) {
	types.RegisterType(&pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}})
	element, _ := types.TypeForOID(pgtype.JSONBOID)
	types.RegisterType(&pgtype.Type{
		Name: "_jsonb", OID: pgtype.JSONBArrayOID, Codec: documentsCodec{&pgtype.ArrayCodec{ElementType: element}},
	})
}

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return uuidPlan{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return uuidPlan{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type uuidPlan struct{}

// Encode implements pgtype.EncodePlan.
func (uuidPlan) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID) // PlanEncode has checked it
	return append(buf, id[:]...), nil
}

// Scan implements pgtype.ScanPlan. NULL is the zero UUID, as google/uuid has it.
func (uuidPlan) Scan(src []byte, dst any) error {
	id := dst.(*uuid.UUID)
	switch len(src) {
	case 0:
		*id = uuid.Nil
	case len(id):
		copy(id[:], src)
	default:
		return fmt.Errorf("a UUID of %d bytes", len(src))
	}
	return nil
}

// documentsCodec allocates the buffer for an array of documents at once. The driver would
// grow it document by document, and leave several times the size of a batch as garbage.
type documentsCodec struct{ *pgtype.ArrayCodec }

// documents is an array of JSON.
type documents [][]byte

// PlanEncode implements pgtype.Codec.
func (c documentsCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(documents); ok && format == pgtype.BinaryFormatCode {
		return documentsPlan{}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type documentsPlan struct{}

// Encode implements pgtype.EncodePlan: a header, then the length of each element,
// the version of jsonb and the text.
func (documentsPlan) Encode(value any, buf []byte) ([]byte, error) {
	all := value.(documents) // PlanEncode has checked it
	size := 20
	for _, data := range all {
		size += 5 + len(data)
	}
	buf = slices.Grow(buf, size)
	for _, field := range []uint32{1, 0, pgtype.JSONBOID, uint32(len(all)), 1} { // dimensions, nulls, type, length, first index
		buf = binary.BigEndian.AppendUint32(buf, field)
	}
	for _, data := range all {
		buf = append(binary.BigEndian.AppendUint32(buf, uint32(1+len(data))), 1)
		buf = append(buf, data...)
	}
	return buf, nil
}
