// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRetiredAddressesNameTheirCommand serves no address that changed state with a
// GET, and says what to do in its place.
func TestRetiredAddressesNameTheirCommand(t *testing.T) {
	t.Parallel()
	admin := setup(t).admin("admin")
	for path, command := range map[string]string{
		"/admin/client_sharing_activate.json/" + id(1).String():   "stats-service client_sharing_activate --uuid " + id(1).String(),
		"/admin/client_sharing_deactivate.json/" + id(1).String(): "stats-service client_sharing_deactivate --uuid " + id(1).String(),
		"/admin/client_sharing_deactivate.json/x;rm":              "stats-service client_sharing_deactivate --uuid UUID",
		"/admin/client_sharing_activate.json":                     "stats-service client_sharing_activate --uuid UUID",
		"/admin/update.json":                                      "stats-service db_upgrade",
	} {
		w := httptest.NewRecorder()
		admin.serve(w, admin.request("GET", path, nil)) // no part of the contract
		if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), command+`"`) {
			t.Errorf("%s answers %d %s, want the command %s", path, w.Code, w.Body, command)
		}
	}
}
