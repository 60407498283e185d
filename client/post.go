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

// Posted has the results of Post.
type Posted struct {
	Stats      []Stat      // now stored, with their UUIDs
	Duplicates []uuid.UUID // UUIDs that were already there
}

// Post stores stats in batches, each as a whole or not at all. The service recognises a
// stat without UUID that equals a stored one and returns the stored one, so a batch is
// safe to repeat.
//
// With an error, Posted has the batches that were stored before it. Fields in the error
// start with the position in stats, such as 3.data.0.count.
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

// endOfBatch returns the end of the batch that starts at begin.
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

// postBatch sends items; first is the position of the first one. If the service finds
// the batch too large, it splits them in two.
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
		failed.Fields = shiftFields(failed.Fields, first)
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

// shiftFields adds an offset to the item indexes at the start of field names.
func shiftFields(fields map[string]string, by int) map[string]string {
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
