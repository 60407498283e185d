// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"net/http"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// reply writes a success answer of any operation. It implements the generated response
// interfaces of all operations, since the generated response types can neither mask
// fields nor stream.
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

// replyJSON answers with value, filtered by the mask.
func replyJSON(ctx context.Context, status int, value any, mask *fieldmask.Mask) reply {
	return answer.JSON{Status: status, Value: value, Mask: mask, Negotiation: answer.NegotiationOf(ctx)}.Write
}

// replyEncoded answers with encoded, which may be cached according to policy.
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
