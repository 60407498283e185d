// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"net/http"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// response writes a success answer of any operation. It implements the generated response
// interfaces of all operations, since the generated response types can neither mask
// fields nor stream.
type response func(w http.ResponseWriter) error

func (r response) VisitClientCreateResponse(w http.ResponseWriter) error     { return r(w) }
func (r response) VisitClientGetResponse(w http.ResponseWriter) error        { return r(w) }
func (r response) VisitClientPatchResponse(w http.ResponseWriter) error      { return r(w) }
func (r response) VisitListStatsResponse(w http.ResponseWriter) error        { return r(w) }
func (r response) VisitCreateStatsResponse(w http.ResponseWriter) error      { return r(w) }
func (r response) VisitProcessingListResponse(w http.ResponseWriter) error   { return r(w) }
func (r response) VisitCompareStatsResponse(w http.ResponseWriter) error     { return r(w) }
func (r response) VisitGetProcessorListResponse(w http.ResponseWriter) error { return r(w) }
func (r response) VisitDeleteStatsResponse(w http.ResponseWriter) error      { return r(w) }
func (r response) VisitGetStatsResponse(w http.ResponseWriter) error         { return r(w) }

// respondJSON answers with value, filtered by the mask.
func respondJSON(ctx context.Context, status int, value any, mask *fieldmask.Mask) response {
	return answer.JSON{Status: status, Value: value, Mask: mask, Negotiation: answer.NegotiationOf(ctx)}.Write
}

// respondEncoded answers with encoded, which may be cached according to policy.
func respondEncoded(ctx context.Context, encoded *answer.Encoded, policy answer.CacheControl) response {
	return func(w http.ResponseWriter) error { return encoded.Write(w, answer.NegotiationOf(ctx), policy) }
}

// respondStatus answers without a body.
func respondStatus(status int) response {
	return func(w http.ResponseWriter) error {
		w.WriteHeader(status)
		return nil
	}
}
