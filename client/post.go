// SPDX-License-Identifier: AGPL-3.0-or-later

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Posted is what became of the stats of Post.
type Posted struct {
	Stats      []Stat      // now stored, with their UUIDs
	Duplicates []uuid.UUID // UUIDs that were already there
}

// Post stores stats, in batches of which each is stored as a whole or not at
// all. A stat without UUID that equals a stored one is recognised by the service
// and returned as that, so that a batch is safe to repeat.
//
// Beside an error, Posted has the batches that were stored before it. The fields
// of the error are named by the position in stats, such as 3.data.0.count.
func (c *Client) Post(ctx context.Context, stats ...Stat) (Posted, error) {
	var posted Posted
	encoded := make([]json.RawMessage, len(stats))
	for i := range stats {
		item, err := json.Marshal(stats[i])
		if err != nil {
			return posted, fmt.Errorf("encode stat %d of analysis %s: %w", i, stats[i].ANR, err)
		}
		encoded[i] = item
	}
	for begin := 0; begin < len(encoded); {
		end := c.endOfBatch(encoded, begin)
		if err := c.postBatch(ctx, encoded[begin:end], begin, &posted); err != nil {
			return posted, err
		}
		begin = end
	}
	return posted, nil
}

// endOfBatch returns where the batch ends that begins there.
func (c *Client) endOfBatch(items []json.RawMessage, begin int) int {
	size := 0
	for i := begin; i < len(items); i++ {
		size += len(items[i]) + 1
		if i > begin && (size > batchBytes || i-begin == c.batchSize) {
			return i
		}
	}
	return len(items)
}

// postBatch sends items, of which the first is at position first. A service that
// accepts less at once gets the halves.
func (c *Client) postBatch(ctx context.Context, items []json.RawMessage, first int, posted *Posted) error {
	body := append(append([]byte{'['}, bytes.Join(asBytes(items), []byte{','})...), ']')
	var answer struct {
		Data       []Stat      `json:"data"`
		Duplicates []uuid.UUID `json:"duplicates"`
	}
	what := fmt.Sprintf("post %d stats", len(items))
	err := c.repeat(ctx, what, nil, func() error {
		response, err := c.api.CreateStatsWithBody(ctx, nil, "application/json", bytes.NewReader(body))
		return decode(response, err, &answer)
	})
	if errors.Is(err, ErrTooLarge) && len(items) > 1 {
		middle := len(items) / 2
		if err := c.postBatch(ctx, items[:middle], first, posted); err != nil {
			return err
		}
		return c.postBatch(ctx, items[middle:], first+middle, posted)
	}
	var failed *Error
	if errors.As(err, &failed) {
		failed.Fields = moved(failed.Fields, first)
	}
	posted.Stats = append(posted.Stats, answer.Data...)
	posted.Duplicates = append(posted.Duplicates, answer.Duplicates...)
	return err
}

func asBytes(items []json.RawMessage) [][]byte {
	all := make([][]byte, len(items))
	for i := range items {
		all[i] = items[i]
	}
	return all
}

// moved renames fields that begin with the index of an item.
func moved(fields map[string]string, by int) map[string]string {
	if by == 0 || len(fields) == 0 {
		return fields
	}
	renamed := make(map[string]string, len(fields))
	for name, reason := range fields {
		index, rest, _ := strings.Cut(name, ".")
		if i, err := strconv.Atoi(index); err == nil {
			name = strings.TrimSuffix(strconv.Itoa(i+by)+"."+rest, ".")
		}
		renamed[name] = reason
	}
	return renamed
}
