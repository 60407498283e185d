package stats

import (
	"time"

	"github.com/google/uuid"
)

// MaxItems is how many stats a batch may have. The smallest take many times the
// memory of their text; front offices send five for each analysis.
const MaxItems = 10_000

// Batch is what is posted at once: it is stored as a whole or not at all.
type Batch struct {
	Items []Item
}

// Item is a stat to be stored. Its fields have been validated.
type Item struct {
	UUID        uuid.UUID // uuid.Nil: the sender chose none
	ANR         uuid.UUID
	Type        Type
	Date        time.Time // midnight UTC
	Data        []byte    // the document as it was sent
	Fingerprint Fingerprint
	Digest      Digest

	// Known: a document of the analysis with this digest has been stored before.
	// Its bytes have not been read this time, so that Observations is nil.
	Known        bool
	Observations []Observation
}

// DocumentKey names the item's document.
func (i *Item) DocumentKey() DocumentKey { return DocumentKey{ANR: i.ANR, Digest: i.Digest} }

// Read reads a known document all the same, for whoever finds that it is no
// longer stored. Its error is an *InvalidError.
func (i *Item) Read() error {
	document, err := ReadDocument(i.Type, i.Data)
	if err != nil {
		return err
	}
	i.Digest, i.Observations, i.Known = document.Digest, document.Observations, false
	return nil
}

// SentDocument names the bytes of a document of an analysis.
type SentDocument struct {
	ANR         uuid.UUID
	Fingerprint Fingerprint
}

// Known returns the digests of those documents that are stored. Documents that
// do not validate, which an adopted database may hold, are not known.
type Known func(sent []SentDocument) (map[SentDocument]Digest, error)

// Result is what became of an item of a batch.
type Result struct {
	// Stat is the item's stat without its data, with the UUID under which it is
	// stored. Of a duplicate it is what was sent.
	Stat   Stat
	Status Status
}

// Status tells the ways in which an item of a batch is dealt with.
type Status int

// The statuses of an item.
const (
	// Stored: this batch stored the item.
	Stored Status = iota + 1
	// Repeated: the client had stored the same content for that day before, or
	// the batch has it twice. Result.Stat is the stat that is stored.
	Repeated
	// Duplicate: another stat already uses this UUID. Nothing was changed.
	Duplicate
)
