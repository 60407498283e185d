// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"net/http"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// reply is a success answer of any operation. The generated server asks each
// answer how to write itself under the name of its operation; the generated
// response types cannot mask fields or stream, so this one stands for them all.
type reply func(w http.ResponseWriter) error

func (r reply) VisitClientCreateResponse(w http.ResponseWriter) error     { return r(w) }
func (r reply) VisitClientGetResponse(w http.ResponseWriter) error        { return r(w) }
func (r reply) VisitClientPatchResponse(w http.ResponseWriter) error      { return r(w) }
func (r reply) VisitListStatsResponse(w http.ResponseWriter) error        { return r(w) }
func (r reply) VisitCreateStatsResponse(w http.ResponseWriter) error      { return r(w) }
func (r reply) VisitProcessingListResponse(w http.ResponseWriter) error   { return r(w) }
func (r reply) VisitCompareStatsResponse(w http.ResponseWriter) error     { return r(w) }
func (r reply) VisitGetProcessorListResponse(w http.ResponseWriter) error { return r(w) }
func (r reply) VisitDeleteStatsResponse(w http.ResponseWriter) error      { return r(w) }
func (r reply) VisitGetStatsResponse(w http.ResponseWriter) error         { return r(w) }

// replyJSON answers with value as far as the mask lets through.
func replyJSON(ctx context.Context, status int, value any, mask *fieldmask.Mask) reply {
	return answer.JSON{Status: status, Value: value, Mask: mask, Negotiation: answer.NegotiationOf(ctx)}.Write
}

// replyEncoded answers what caches may hold as policy says.
func replyEncoded(ctx context.Context, encoded *answer.Encoded, policy answer.CacheControl) reply {
	return func(w http.ResponseWriter) error { return encoded.Write(w, answer.NegotiationOf(ctx), policy) }
}

// replyStatus answers without a body.
func replyStatus(status int) reply {
	return func(w http.ResponseWriter) error {
		w.WriteHeader(status)
		return nil
	}
}
