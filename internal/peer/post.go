// SPDX-License-Identifier: AGPL-3.0-or-later

package peer

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/stats"
)

// recordTimeout bounds the writing of receipts after ctx has ended.
const recordTimeout = 30 * time.Second

// acknowledge records that the peer holds the batch, even if ctx has ended.
func (p *push) acknowledge(ctx context.Context, batch []stats.Stat, answer acknowledgement) error {
	there := answer.alreadyThere(len(batch))
	if p.uncertain {
		there = 0 // the failed attempt may have stored them
	}
	p.summary.AlreadyThere += there
	p.summary.Sent += len(batch) - there
	p.advance(batch)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return p.opts.Store.RecordReceipts(ctx, p.peerID, uuidsOf(batch))
}

// post sends stats once. It finishes even if ctx ends meanwhile.
func (p *push) post(ctx context.Context, batch []stats.Stat) (acknowledgement, error) {
	response, err := p.api.CreateStats(context.WithoutCancel(ctx), nil, itemsOf(batch))
	if err != nil {
		p.uncertain = true
		return acknowledgement{}, err
	}
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusMultiStatus:
		return p.readPosted(response, batch)
	case http.StatusNoContent:
		return p.acceptNoContent(ctx, response, batch)
	}
	p.uncertain = p.uncertain || response.StatusCode >= http.StatusInternalServerError
	return acknowledgement{}, p.refusal(response)
}

// readPosted reads the list of stored stats in the response to a batch. The API does
// not have the status 200: a server that answers it without such a list is not a stats service.
func (p *push) readPosted(response *http.Response, batch []stats.Stat) (acknowledgement, error) {
	defer response.Body.Close()
	answer, err := readAcknowledgement(newBounded(response.Body, p.link, acknowledgementLimits(batch)))
	if errors.Is(err, errNotAnswer) && response.StatusCode == http.StatusOK {
		return acknowledgement{}, p.foreignAnswer("but does not list the stats that were sent")
	}
	answer.partly = response.StatusCode == http.StatusMultiStatus
	if err == nil && !answer.partly && answer.created+answer.duplicates < len(batch) {
		err = errIncomplete
	}
	if err != nil {
		// The peer may have stored the batch: the retry will show it.
		p.uncertain = true
		return acknowledgement{}, p.unreadable(err)
	}
	return answer, nil
}

// acceptNoContent accepts 204, which has no body to check, as an acknowledgement once
// the peer has shown in this run that it knows the token.
func (p *push) acceptNoContent(ctx context.Context, response *http.Response, batch []stats.Stat) (acknowledgement, error) {
	defer response.Body.Close()
	if !p.identified {
		if _, _, err := p.askAccount(context.WithoutCancel(ctx)); err != nil {
			p.uncertain = true
			return acknowledgement{}, err
		}
		p.identified = true
	}
	return acknowledgement{created: len(batch)}, nil
}

func itemsOf(batch []stats.Stat) []api.NewStats {
	items := make([]api.NewStats, len(batch))
	for i := range batch {
		stat := &batch[i]
		items[i] = api.NewStats{
			UUID: &stat.UUID, ANR: stat.ANR, Type: string(stat.Type), Date: types.Date{Time: stat.Date}, Data: stat.Data,
		}
	}
	return items
}

// acknowledgement is the success response to a batch: 201, 200 or, if partly, 207.
type acknowledgement struct {
	partly     bool
	created    int  // items in data
	duplicates int  // items in duplicates
	named      bool // there is a list of duplicates
}

// alreadyThere returns how many of a batch of n the peer had before. The Python
// service does not list them; its data has only the new ones.
func (s acknowledgement) alreadyThere(n int) int {
	switch {
	case !s.partly:
		return 0
	case s.named:
		return min(s.duplicates, n)
	}
	return max(0, n-s.created)
}

// readAcknowledgement counts what the response to a batch lists.
func readAcknowledgement(body *bounded) (s acknowledgement, err error) {
	d := jsontext.NewDecoder(body, anyText)
	listed := false
	err = eachMember(d, func(name string) (err error) {
		switch name {
		case "data":
			listed = true
			s.created, err = body.countElements(d)
		case "duplicates":
			s.named = true
			s.duplicates, err = body.countElements(d)
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err == nil && !listed {
		err = errNotAnswer
	}
	return s, err
}

// countElements returns the length of an array, 0 for another value.
func (b *bounded) countElements(d *jsontext.Decoder) (n int, err error) {
	err = b.eachElement(d, func() error { n++; return d.SkipValue() })
	return n, err
}
