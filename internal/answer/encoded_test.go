// SPDX-License-Identifier: AGPL-3.0-or-later

package answer_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/answer"
)

// TestDocumentKeepsItsHeader sends a body that is not JSON with its own header.
func TestDocumentKeepsItsHeader(t *testing.T) {
	t.Parallel()
	document := answer.NewDocument([]byte("<p>"), http.Header{
		"Content-Type": {"text/html"}, "Vary": {"Accept-Encoding, Accept-Language"}, "Content-Disposition": {"inline"},
	})
	first := newConnection()
	if err := document.Write(first, answer.Negotiation{}, answer.CachePublic); err != nil {
		t.Fatal(err)
	}
	again := newConnection()
	if err := document.Write(again, negotiated(t, http.Header{"If-None-Match": {first.Header().Get("ETag")}}), answer.CachePublic); err != nil {
		t.Fatal(err)
	}
	if first.Body.String() != "<p>" || first.Code != http.StatusOK || again.Body.Len() > 0 || again.Code != http.StatusNotModified {
		t.Errorf("status %d with %q, then %d with %q", first.Code, first.Body, again.Code, again.Body)
	}
	want := map[string]string{
		"Content-Type": "text/html", "Vary": "Accept-Encoding, Accept-Language", "Content-Disposition": "inline", "Cache-Control": string(answer.CachePublic),
	}
	got := map[string]string{}
	for name := range want {
		got[name] = first.Header().Get(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}
