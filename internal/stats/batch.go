// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"slices"
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

// Types returns the types of the items, once each.
func (b Batch) Types() []Type {
	var types []Type
	for i := range b.Items {
		if t := b.Items[i].Type; !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
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
	// Its bytes have not been read this time.
	Known bool
	// Observations are what Data measures, or nil: see Observe.
	Observations []Observation
}

// ItemOf returns a stat as an item of a batch. Its error is an *InvalidError about
// the data.
func ItemOf(stat Stat) (Item, error) {
	item := Item{
		UUID: stat.UUID, ANR: stat.ANR, Type: stat.Type, Date: stat.Date,
		Data: stat.Data, Fingerprint: FingerprintOf(stat.Type, stat.Data),
	}
	return item, item.Read()
}

// DocumentKey returns the name of the item's document.
func (i *Item) DocumentKey() DocumentKey { return DocumentKey{ANR: i.ANR, Digest: i.Digest} }

// Read reads the document, also of an item that is known: for whoever finds that
// it is no longer stored. Its error is an *InvalidError.
func (i *Item) Read() (err error) {
	i.Digest, i.Observations, err = readDocument(i.Type, i.Data)
	i.Known = false
	return err
}

// A batch holds so many observations, at 300 bytes each and their labels, of
// documents of so many bytes. Those of a larger batch, which take several times
// the memory of its text, are dropped once they are validated.
const (
	maxObservations  = 16 << 10
	maxObservedBytes = 2 << 20
)

// Observe returns what the document measures; it reads the document where that is
// not known any more or, of an item that is Known, never was. The error is an
// *InvalidError.
func (i *Item) Observe() ([]Observation, error) {
	if i.Observations != nil {
		return i.Observations, nil
	}
	_, observations, err := readDocument(i.Type, i.Data)
	return observations, err
}

// SentDocument names the bytes of a document of an analysis.
type SentDocument struct {
	ANR         uuid.UUID
	Fingerprint Fingerprint
}

// Known returns the digests of those documents that are stored. Documents that
// do not validate, which an adopted database may hold, are not known. A nil
// Known knows nothing.
type Known func(sent []SentDocument) (map[SentDocument]Digest, error)

// identify finds out which items are known.
func (b *Batch) identify(known Known) error {
	if known == nil || len(b.Items) == 0 {
		return nil
	}
	sent := make([]SentDocument, len(b.Items))
	for i := range b.Items {
		sent[i] = b.Items[i].sent()
	}
	digests, err := known(sent)
	if err != nil {
		return err
	}
	for i := range b.Items {
		b.Items[i].Digest, b.Items[i].Known = digests[sent[i]]
	}
	return nil
}

func (i *Item) sent() SentDocument { return SentDocument{ANR: i.ANR, Fingerprint: i.Fingerprint} }

// Result is what became of an item of a batch.
type Result struct {
	// Stat is the item's stat without its data, with the UUID under which it is
	// stored. Of a duplicate it is what was sent.
	Stat   Stat
	Status Status
}

// Status is the way in which an item of a batch was dealt with.
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
