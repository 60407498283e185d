package peer

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// suspectAttempts is how often a request is made to which 500 may be the
	// lasting answer: a question that is not needed, or a part of a batch on
	// which the peer has failed all the usual times.
	suspectAttempts = 2
	// recordTimeout bounds the writing of receipts after ctx has ended.
	recordTimeout = 30 * time.Second
)

// suspect is the allowance of such a request.
func suspect(f *failure) int {
	if f.status == http.StatusInternalServerError {
		return suspectAttempts
	}
	return attempts
}

// deliver sends a batch until each of its stats is settled or refused. A batch
// that the peer cannot accept is halved until the stats are found that are to
// blame; so is one on which it fails lastingly, since the Python service answers
// 500 to a malformed stats, after it has stored those before it.
func (p *push) deliver(ctx context.Context, batch []stats.Stat, allowed func(*failure) int) error {
	var answer settlement
	err := p.retry(ctx, allowed, func() (err error) {
		answer, err = p.post(ctx, batch)
		return err
	})
	if err == nil {
		p.believe()
		return p.settle(ctx, batch, answer)
	}
	failed, ok := errors.AsType[*failure](err)
	switch {
	case !ok || !failed.blamesStats():
		return err
	case failed.status == http.StatusBadRequest:
		return p.sift(ctx, batch, failed)
	case failed.status == http.StatusInternalServerError:
		return p.halve(ctx, batch, failed, p.search.suspect)
	}
	return p.halve(ctx, batch, failed, allowed)
}

// blamesStats reports whether the fault may be that of the stats which were sent.
func (f *failure) blamesStats() bool {
	if f.after > maxRetryAfter {
		return false
	}
	switch f.status {
	case http.StatusBadRequest:
		return !f.foreign
	case http.StatusRequestEntityTooLarge, http.StatusInternalServerError:
		return true
	}
	return false
}

// sift refuses the stats that the peer names and sends the rest again. A peer
// that names none gets the halves.
func (p *push) sift(ctx context.Context, batch []stats.Stat, failed *failure) error {
	named := itemsNamed(failed.fields, len(batch))
	if len(named) == 0 || len(batch) == 1 {
		return p.halve(ctx, batch, failed, always)
	}
	var rest, bad []stats.Stat
	for i, stat := range batch {
		if reason, isBad := named[i]; isBad {
			p.refuse(stat, reason)
			bad = append(bad, stat)
		} else {
			rest = append(rest, stat)
		}
	}
	p.advance(bad)
	return p.send(ctx, rest)
}

// itemsNamed reads errors whose fields are named index.field, for a batch of n.
func itemsNamed(fields map[string]string, n int) map[int]string {
	named := map[int]string{}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		number, name, _ := strings.Cut(field, ".")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= n {
			continue
		}
		reason := strings.TrimSpace(tidy(name) + " " + fields[field])
		if before := named[i]; before != "" {
			reason = before + "; " + reason
		}
		named[i] = reason
	}
	return named
}

// halve sends the halves of a batch one after the other, or refuses the only
// stats that it has. When the search for others has gone on for too long, it
// leaves the batch to the next run.
func (p *push) halve(ctx context.Context, batch []stats.Stat, failed *failure, allowed func(*failure) int) error {
	if len(batch) == 1 {
		return p.blame(ctx, batch[0], failed)
	}
	if p.search.spent() {
		p.summary.SetAside += len(batch)
		return nil
	}
	middle := len(batch) / 2
	for _, half := range [][]stats.Stat{batch[:middle], batch[middle:]} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.deliver(ctx, half, allowed); err != nil {
			return err
		}
	}
	return nil
}

func (p *push) refuse(stat stats.Stat, reason string) {
	p.logRefusal("the peer refuses a stats, which is passed over",
		"uuid", stat.UUID.String(), "type", string(stat.Type), "date", stat.Date.Format(time.DateOnly), "reason", reason)
	p.summary.refuse(Refusal{UUID: stat.UUID.String(), Reason: reason})
}

// settle records that the peer holds the batch. The end of ctx does not keep it
// from doing so.
func (p *push) settle(ctx context.Context, batch []stats.Stat, answer settlement) error {
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

// post sends a batch once, and to its end even if ctx ends meanwhile.
func (p *push) post(ctx context.Context, batch []stats.Stat) (settlement, error) {
	response, err := p.api.CreateStats(context.WithoutCancel(ctx), nil, itemsOf(batch))
	if err != nil {
		p.uncertain = true
		return settlement{}, err
	}
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusMultiStatus:
		return p.readPosted(response, batch)
	case http.StatusNoContent:
		return p.trustSilence(ctx, response, batch)
	}
	p.uncertain = p.uncertain || response.StatusCode >= http.StatusInternalServerError
	return settlement{}, p.refusal(response)
}

// readPosted reads the listing with which the peer answers that it has stored the
// batch. 200 is no status of the API, so that whatever answers it without such a
// listing is something else than a stats service.
func (p *push) readPosted(response *http.Response, batch []stats.Stat) (settlement, error) {
	defer response.Body.Close()
	answer, err := readSettlement(newBounded(response.Body, p.link, settlementLimits(batch)))
	if errors.Is(err, errNotAnswer) && response.StatusCode == http.StatusOK {
		return settlement{}, p.stranger("but does not list the stats that were sent")
	}
	answer.partly = response.StatusCode == http.StatusMultiStatus
	if err == nil && !answer.partly && answer.created+answer.duplicates < len(batch) {
		err = errIncomplete
	}
	if err != nil {
		// The peer may have stored the batch; it is asked again to be sure.
		p.uncertain = true
		return settlement{}, p.unreadable(err)
	}
	return answer, nil
}

// trustSilence takes 204, which has no body to look at, for an acknowledgement of
// the batch once the peer has shown in this run that it knows the token.
func (p *push) trustSilence(ctx context.Context, response *http.Response, batch []stats.Stat) (settlement, error) {
	defer response.Body.Close()
	if !p.identified {
		if _, _, err := p.askAccount(context.WithoutCancel(ctx)); err != nil {
			p.uncertain = true
			return settlement{}, err
		}
		p.identified = true
	}
	return settlement{created: len(batch)}, nil
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

// settlement is a success answer to a batch: 201 or 200 or, if partly, 207.
type settlement struct {
	partly     bool
	created    int // items in data
	duplicates int // items in duplicates
	named      bool
}

// alreadyThere is how many of a batch of n the peer had before. The Python
// service does not name them; its data has only those that are new.
func (s settlement) alreadyThere(n int) int {
	switch {
	case !s.partly:
		return 0
	case s.named:
		return min(s.duplicates, n)
	}
	return max(0, n-s.created)
}

// readSettlement counts what the answer to a batch lists.
func readSettlement(body *bounded) (s settlement, err error) {
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
