// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestComparisonByHand compares by hand: own averages over two analyses, beside those of all.
func TestComparisonByHand(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user, other := s.user("user"), s.user("other")
	user.post(threat(1, 1, 2), threat(2, 1, 4), threat(1, 2, 6))
	other.post(threat(3, 1, 9), threat(4, 2, 2))
	row := func(own, all string) string {
		return `[{"object":"` + id(900).String() + `","labels":{"label1":"Vol","label2":"Theft","label3":"","label4":""},"analyses":4,"organisations":2,"figures":{
			"count":{"own":` + own + `,"all":` + all + `,"band":null,"unranked":"few_organisations"},
			"maxRisk":{"own":12,"all":12,"band":null,"unranked":"few_organisations"},
			"averageRate":{"own":2.5,"all":2.5,"band":null,"unranked":"few_organisations"}}}]`
	}
	const period = `{"type":"threat","date_from":"2025-12-15","date_to":"2026-03-15","ranked_from":"2025-12-15","data":`
	tests := map[string]struct {
		caller     caller
		path, body string
		want       string
	}{
		// Own means of the days are 6 and 3, those of all 4 and 5.
		"all of one's own": {user, "?type=threat", "", period + row("4.5", "4.5") + "}"},
		"one analysis":     {user, "?type=threat&anrs=" + id(2).String(), "", period + row("4", "4.5") + "}"},
		"in a body":        {user, "?type=risk", `{"type":"threat","anrs":["` + id(2).String() + `"],"local_stats_only":"1"}`, period + row("4", "4.5") + "}"},
		"of the other":     {other, "", `{"type":"threat"}`, period + row("5.5", "4.5") + "}"},
		"another's":        {other, "?type=threat&anrs[0]=" + id(1).String(), "", period + `[]}`},
		"of another type":  {user, "?type=compliance", "", strings.Replace(period, "threat", "compliance", 1) + `[]}`},
		"of a day": {
			user, "?type=threat&date_from=" + day(1) + "&date_to=" + day(1), "",
			`{"type":"threat","date_from":"2026-03-14","date_to":"2026-03-14","ranked_from":"2026-03-14","data":` +
				strings.Replace(row("3", "5"), `"analyses":4`, `"analyses":3`, 1) + `}`,
		},
		"masked": {user, "?type=threat", "", `{"type":"threat"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var body any
			if tt.body != "" {
				body = tt.body
			}
			var headers []header
			if name == "masked" {
				headers = append(headers, maskedBy("type"))
			}
			got := tt.caller.on(t).call("GET", "/api/v1/stats/compare/"+tt.path, body, headers...).want(http.StatusOK)
			got.wantJSON(tt.want)
			if policy := got.header.Get("Cache-Control"); policy != "no-store" {
				t.Errorf("may be cached: %s", policy)
			}
		})
	}
	for _, question := range []string{"", "?type=", "?type=threats", "?type=threat&date_from=x", "?type=threat&anrs=x", "?type=threat&local_stats_only=2"} {
		user.call("GET", "/api/v1/stats/compare/"+question, nil).want(http.StatusBadRequest)
	}
}
