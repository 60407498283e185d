// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/stats"
)

// batchAnswer tells what became of a batch. It is sent item by item, with the
// data as it came: a second copy of a large batch would cost as much again. Nor
// is it compressed, whatever the caller accepts: it says what the caller has
// just sent, and compressing that took a sixth of the time of a post.
type batchAnswer struct {
	items   []stats.Item
	results []stats.Result // one for each item
	mask    *fieldmask.Mask
}

// duplicates returns the uuids that were already there.
func (b batchAnswer) duplicates() []uuid.UUID {
	var ids []uuid.UUID
	for _, result := range b.results {
		if result.Status == stats.Duplicate {
			ids = append(ids, result.Stat.UUID)
		}
	}
	return ids
}

// write answers 201, or 207 when there are duplicates.
func (b batchAnswer) write(w http.ResponseWriter) error {
	duplicates := b.duplicates()
	status := http.StatusCreated
	if len(duplicates) > 0 {
		status = http.StatusMultiStatus
	}
	beside := about{
		Metadata:   metadata(len(b.results)-len(duplicates), stats.Page{}),
		Duplicates: duplicates,
	}
	rowMask, wanted := b.mask.Sub("data")
	if !wanted {
		return answer.JSON{Status: status, Value: beside, Mask: b.mask}.Write(w)
	}
	rest, err := answer.Encode(beside, b.mask)
	if err != nil {
		return err
	}
	list := answer.NewMemberWriter(w, status, "data", rowMask, answer.Negotiation{})
	if err := b.copyTo(list); err != nil {
		return err
	}
	return list.EndObject(rest)
}

// copyTo adds every item that is stored now, with the data that was sent.
func (b batchAnswer) copyTo(list *answer.ListWriter) error {
	var row []byte
	for i, result := range b.results {
		if result.Status == stats.Duplicate {
			continue
		}
		stat := result.Stat
		stat.Data = b.items[i].Data
		row = appendStat(row[:0], stat)
		if err := list.Add(row); err != nil {
			return err
		}
	}
	return nil
}
