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

// acknowledge records that the peer holds the batch. The end of ctx does not keep it
// from doing so.
func (p *push) acknowledge(ctx context.Context, batch []stats.Stat, answer acknowledgement) error {
	there := answer.alreadyThere(len(batch))
	if p.uncertain {
		there = 0 // the failed try may have stored them
	}
	p.summary.AlreadyThere += there
	p.summary.Sent += len(batch) - there
	p.advance(batch)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	return p.opts.Store.RecordReceipts(ctx, p.peerID, uuidsOf(batch))
}

// post sends stats once, and to the end even if ctx ends meanwhile.
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

// readPosted reads the listing with which the peer answers that it has stored the
// batch. 200 is no status of the API, so that whatever answers it without such a
// listing is something else than a stats service.
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
		// The peer may have stored the batch; it is asked again to be sure.
		p.uncertain = true
		return acknowledgement{}, p.unreadable(err)
	}
	return answer, nil
}

// acceptNoContent takes 204, which has no body to look at, for an acknowledgement of
// the batch once the peer has shown in this run that it knows the token.
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

// acknowledgement is a success answer to a batch: 201 or 200 or, if partly, 207.
type acknowledgement struct {
	partly     bool
	created    int // items in data
	duplicates int // items in duplicates
	named      bool
}

// alreadyThere is how many of a batch of n the peer had before. The Python
// service does not name them; its data has only those that are new.
func (s acknowledgement) alreadyThere(n int) int {
	switch {
	case !s.partly:
		return 0
	case s.named:
		return min(s.duplicates, n)
	}
	return max(0, n-s.created)
}

// readAcknowledgement counts what the answer to a batch lists.
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

// countElements reads an array; another value has none.
func (b *bounded) countElements(d *jsontext.Decoder) (n int, err error) {
	err = b.eachElement(d, func() error { n++; return d.SkipValue() })
	return n, err
}
